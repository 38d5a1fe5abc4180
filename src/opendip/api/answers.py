"""From what was decided to an HTTP response. Every body is a StandardResponse (E2E 4.4.4.2)."""

from datetime import UTC, datetime

import msgspec
from starlette.responses import Response

from opendip.domain.outcomes import (
    HELP_LENGTH,
    SUCCESS,
    Acceptance,
    Refusal,
    ResponseEntry,
    StandardResponse,
    Status,
)
from opendip.domain.references import format_timestamp
from opendip.stages.accept import AcceptRules

_JSON = "application/json"


def answer_acceptance(acceptance: Acceptance) -> Response:
    return Response(acceptance.answer, acceptance.status.value, media_type=_JSON)


def answer_refusal(refusal: Refusal, rules: AcceptRules, recipient: str | None = None) -> Response:
    """`recipient`: the caller's DIP id, once it is known."""
    text = f"{refusal.code} - {rules.response_texts[refusal.code]}"
    body = _encode(rules, text, refusal.help[:HELP_LENGTH], recipient, refusal.reference)
    headers = {}
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    if refusal.status in (Status.TIMED_OUT, Status.TOO_LARGE, Status.TOO_MANY):
        # The rest of the body was not read, so nothing that follows on this connection can be understood.
        headers["Connection"] = "close"
    return Response(body, refusal.status.value, headers, _JSON)


def answer_done(rules: AcceptRules, recipient: str, help_text: str | None = None) -> Response:
    """201 for what is not about messages; `help_text`: what the caller may not know."""
    body = _encode(rules, f"{SUCCESS} - {rules.response_texts[SUCCESS]}", help_text, recipient, None)
    return Response(body, Status.CREATED.value, media_type=_JSON)


def encode_done(rules: AcceptRules, recipient: str, help_text: str | None = None) -> bytes:
    """The body of an answer that all is done, with what there is to say of it."""
    return _encode(rules, f"{SUCCESS} - {rules.response_texts[SUCCESS]}", help_text, recipient, None)


def _encode(
    rules: AcceptRules, text: str, help_text: str | None, recipient: str | None, reference: str | None
) -> bytes:
    at = format_timestamp(datetime.now(UTC))
    entry = ResponseEntry(
        transactionID=None,
        senderUniqueReference=reference,
        correlationID=None,
        sentTimestamp=at,
        senderID=rules.dip_id,
        recipientID=recipient,
        DIPConnectionProviderID=None,
        message=text,
        help=help_text,
        serviceTicketURL=None,
    )
    return msgspec.json.encode(StandardResponse([entry], at))
