"""The calls that say where and how fast a recipient takes what is for it (E2E 4.6, 4.8)."""

from collections.abc import Mapping

from opendip.api.description.call import Answer, Call

_GROUP = "Webhooks"
_DONE = Answer("It is done; every process of the DIP goes by it within a second.")
_PAUSE = (
    "Calls under way are finished, then none is made, and what comes is kept in order. It outlasts a new setting of "
    "the webhook. Pausing what is paused changes nothing. 404 where no webhook is set."
)
_RESUME = (
    "What was kept back is delivered, oldest first. It also ends a stop after an answer that needed mending. 404 where "
    "no webhook is set."
)
_MESSAGES = "/{version}/dip-channel/{id}/pubconfig/{recipient_id}"
_STATUSES = "/{version}/statusmessage/config/{recipient_id}"

CALLS: Mapping[tuple[str, str], Call] = {
    (_MESSAGES, "POST"): Call(
        name="setWebhook",
        group=_GROUP,
        title="Set the webhook of a publication",
        text=(
            "From now on messages of this channel for this recipient are delivered to the URL, within the limits. What "
            "waited goes at once. A webhook that is paused stays paused, and the help of the answer says so."
        ),
        answers={201: _DONE},
        body="WebhookConfig",
        called_back="DeliveredMessages",
    ),
    (_MESSAGES, "DELETE"): Call(
        name="deleteWebhook",
        group=_GROUP,
        title="Take the webhook of a publication away",
        text="What comes for the recipient waits until a webhook is set again. Deleting what is not there is no fault.",
        answers={204: Answer("There is no webhook now.", None)},
    ),
    (f"{_MESSAGES}/pause", "POST"): Call(
        name="pauseWebhook",
        group=_GROUP,
        title="Keep the deliveries of a publication back",
        text=_PAUSE,
        answers={201: _DONE},
    ),
    (f"{_MESSAGES}/resume", "POST"): Call(
        name="resumeWebhook",
        group=_GROUP,
        title="Let the deliveries of a publication go again",
        text=_RESUME,
        answers={201: _DONE},
    ),
    (_STATUSES, "POST"): Call(
        name="setStatusWebhook",
        group=_GROUP,
        title="Set the webhook of status messages",
        text=(
            "From now on the recipient is told there what became of the messages it sent, on all channels. What waited "
            "goes at once."
        ),
        answers={201: _DONE},
        body="WebhookConfig",
        called_back="StandardResponseArray",
    ),
    (_STATUSES, "DELETE"): Call(
        name="deleteStatusWebhook",
        group=_GROUP,
        title="Take the webhook of status messages away",
        text="Status messages wait until one is set again. Deleting what is not there is no fault.",
        answers={204: Answer("There is no webhook now.", None)},
    ),
    (f"{_STATUSES}/pause", "POST"): Call(
        name="pauseStatusWebhook",
        group=_GROUP,
        title="Keep the deliveries of status messages back",
        text=_PAUSE,
        answers={201: _DONE},
    ),
    (f"{_STATUSES}/resume", "POST"): Call(
        name="resumeStatusWebhook",
        group=_GROUP,
        title="Let the deliveries of status messages go again",
        text=_RESUME,
        answers={201: _DONE},
    ),
}
