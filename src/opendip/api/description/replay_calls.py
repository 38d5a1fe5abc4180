"""The calls that give a recipient again what it was sent (E2E 4.9), and their bodies."""

from collections.abc import Mapping
from typing import Any

from opendip.api.description.call import CONTINUATION, RETRY_AFTER, Answer, Call, refer
from opendip.domain.replays import MOST_TRANSACTIONS

_GROUP = "Replay and requeue"
_PLACE = "/{version}/dip-channel/{id}"
_WHAT = (
    "By transaction ids, or by the time of acceptance with filters; with both, from the earliest to the latest of "
    "either. Only what that recipient was sent, as far back as the channel's retention."
)

CALLS: Mapping[tuple[str, str], Call] = {
    (f"{_PLACE}/replay/{{recipient_id}}", "POST"): Call(
        name="replayMessages",
        group=_GROUP,
        title="Have messages again, in the answer",
        text=(
            f"{_WHAT} In the order of time, each under a new transaction id. An answer that ends before it is whole "
            "was cut off: make the call again."
        ),
        answers={
            200: Answer("All of them, or all that were left; none is an empty array.", "ReplayedMessages"),
            206: Answer(
                "As many as fit, perhaps none when filters leave few. Send the same request with the token for more.",
                "ReplayedMessages",
                headers=[CONTINUATION],
            ),
            429: Answer("As many replays are under way as may be.", headers=[RETRY_AFTER]),
        },
        body="MessageRequest",
        parameters=[CONTINUATION],
    ),
    (f"{_PLACE}/requeue/{{recipient_id}}", "POST"): Call(
        name="requeueMessages",
        group=_GROUP,
        title="Have messages delivered again to the webhook",
        text=f"{_WHAT} Queues that stopped go again. The very same call, signature and all, is answered as it was.",
        answers={
            200: Answer("What was named by transaction ids is on the queue; the help says how many messages."),
            202: Answer("A range of times is put on the queue in the background.", "RequeueStarted"),
            429: Answer("A requeue for this recipient and channel is still under way.", headers=[RETRY_AFTER]),
        },
        body="MessageRequest",
    ),
    (f"{_PLACE}/requeueStatus/{{recipient_id}}", "GET"): Call(
        name="getRequeueStatus",
        group=_GROUP,
        title="Ask how far a requeue has come",
        text="Of a requeue in the background, by its id, or the latest of the recipient on the channel.",
        answers={
            200: Answer("How far it has come.", "RequeueStatus"),
            204: Answer("There is none.", None),
        },
        parameters=["requeue-id"],
    ),
}


def write_schemas() -> dict[str, dict[str, Any]]:
    """The bodies of these calls and of their answers."""
    return {
        "ReplayedMessages": {"type": "array", "items": refer("schemas", "DeliveredMessage")},
        "MessageRequest": _write_request(),
        "RequeueStarted": _write_object({"requeueId": {"type": "string", "minLength": 1, "maxLength": 200}}),
        "RequeueStatus": _write_object(
            {
                "percentComplete": {"type": "integer", "minimum": 0, "maximum": 100},
                "totalTransactions": _number("All that are asked for, before filters by event code and version."),
                "processedTransactions": _number("Those dealt with so far."),
                "status": {"type": "string", "enum": ["Processing", "Completed", "Failed"]},
            }
        ),
    }


def _write_request() -> dict[str, Any]:
    time = {"type": ["string", "null"], "minLength": 25, "maxLength": 25}
    transactions = {
        "type": "array",
        "items": {"type": "string", "maxLength": 65},
        "minItems": 1,
        "maxItems": MOST_TRANSACTIONS,
        "description": "Those that the recipient was not sent are not in the answer.",
    }
    required = {
        "datetimeFrom": {**time, "description": "Accepted from then on. Needed unless there are transaction ids."},
        "datetimeTo": {**time, "description": "Accepted until then, that second included; null: until now."},
        "eventCode": _text("With or without its brackets.", minLength=1, maxLength=50),
        "MPAN": _text("Of the metering point.", pattern="^[0-9]{13}$"),
        "version": _text("The schema version that the message was sent in.", maxLength=10),
    }
    return {**_write_object(required), "properties": {**required, "transactionIDs": transactions}}


def _write_object(required: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(required),
        "required": list(required),
        "additionalProperties": False,
    }


def _text(text: str, **keywords: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], **keywords, "description": text}


def _number(text: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "description": text}
