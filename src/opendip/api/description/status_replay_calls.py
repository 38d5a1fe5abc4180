"""The calls that give a sender again what it was told of its messages (FS 5.5.11), and their body."""

from collections.abc import Mapping
from typing import Any

from opendip.api.description.call import CONTINUATION, RETRY_AFTER, Answer, Call
from opendip.domain.references import REFERENCE_LENGTH

_GROUP = "Replay and requeue"
_PLACE = "/{version}/statusmessage"
_WHAT = (
    "The status messages that were queued for the recipient from datetimeFrom to datetimeTo, both included; with a "
    "transaction id, sender unique reference or correlation id, those that are about that message. "
)

CALLS: Mapping[tuple[str, str], Call] = {
    (f"{_PLACE}/replay/{{recipient_id}}", "POST"): Call(
        name="replayStatusMessages",
        group=_GROUP,
        title="Have status messages again, in the answer",
        text=f"{_WHAT}In the order in which they were queued, each once, as they were.",
        answers={
            200: Answer("All of them, or all that were left; none is an empty array.", "ReplayedStatusMessages"),
            206: Answer(
                "As many as fit, perhaps none when filters leave few. Send the same request with the token for more.",
                "ReplayedStatusMessages",
                headers=[CONTINUATION],
            ),
            429: Answer("As many replays are under way as may be.", headers=[RETRY_AFTER]),
        },
        body="StatusMessageRequest",
        parameters=[CONTINUATION],
    ),
    (f"{_PLACE}/requeue/{{recipient_id}}", "POST"): Call(
        name="requeueStatusMessages",
        group=_GROUP,
        title="Have status messages delivered again to the webhook",
        text=f"{_WHAT}They are put on the queue in the background, as they were. A queue that stopped goes again.",
        answers={
            202: Answer("It is begun; its id is to ask how far it has come.", "RequeueStarted"),
            429: Answer("A requeue of this recipient's status messages is still under way.", headers=[RETRY_AFTER]),
        },
        body="StatusMessageRequest",
    ),
    (f"{_PLACE}/requeueStatus/{{recipient_id}}", "GET"): Call(
        name="getStatusRequeueStatus",
        group=_GROUP,
        title="Ask how far a requeue of status messages has come",
        text="By its id, or the recipient's latest.",
        answers={
            200: Answer("How far it has come.", "RequeueStatus"),
            204: Answer("There is none.", None),
        },
        parameters=["requeue-id"],
    ),
}


def write_schemas() -> dict[str, dict[str, Any]]:
    """The bodies of these calls and of their answers, where they are not those of messages."""
    entries = {"type": "array", "items": {"$ref": "#/components/schemas/StandardResponseBodyType"}}
    times = {
        "datetimeFrom": {"type": "string", "minLength": 25, "maxLength": 25, "description": "Queued from then on."},
        "datetimeTo": {"type": "string", "minLength": 25, "maxLength": 25, "description": "That second included."},
    }
    about = {
        "transactionID": _text(65, "Of the message, or of a replay of it."),
        "senderUniqueReference": _text(REFERENCE_LENGTH, "Of the message."),
        "correlationID": _text(60, "Of the message's workflow."),
    }
    request = {"type": "object", "properties": {**times, **about}, "required": list(times)}
    return {
        "ReplayedStatusMessages": entries,
        "StatusMessageRequest": {**request, "additionalProperties": False},
    }


def _text(most: int, text: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "minLength": 1, "maxLength": most, "description": text}
