"""How any call can be answered, whatever it asks for; and how recipients answer the DIP (E2E 4.4.4, 4.6.6.1)."""

from collections.abc import Mapping

from opendip.api.description.call import RETRY_AFTER, Answer

ANY_CALL: Mapping[int, Answer] = {
    400: Answer("The call is not as its description says. The help says what was expected; mend it and send it anew."),
    401: Answer("The API key, the certificate or the signature does not prove the caller."),
    403: Answer("The caller is known, and may not do this."),
    404: Answer("The version, the channel or what the path names is not there."),
    406: Answer("The header Accept leaves out application/json, which every answer is."),
    408: Answer("The body did not arrive in time. Send the same call again."),
    413: Answer("The body holds more than is taken at a time. Send less at a time."),
    429: Answer(
        "The DIP has as much to do as it can. Send the same call again after the pause.", headers=[RETRY_AFTER]
    ),
    500: Answer("The DIP failed, and kept nothing of the call. Send the same call again."),
    503: Answer("The DIP's store is away. Send the same call again after the pause.", headers=[RETRY_AFTER]),
}

RECIPIENTS: Mapping[int, Answer] = {
    201: Answer("All is taken. Answer so only when it is kept."),
    207: Answer(
        "Some is taken. The entries say of each message whether it was; those that are refused are not sent again, and "
        "their senders are told; those without an entry are sent again."
    ),
    400: Answer("All is refused: it is not sent again, and the senders are told."),
    401: Answer("Deliveries stop until the recipient or the operator says that it is mended.", None),
    403: Answer("As 401.", None),
    404: Answer("As 401.", None),
    405: Answer("As 400."),
    406: Answer("As 400."),
    408: Answer("The same is sent again after a pause.", None),
    413: Answer("Smaller batches are tried, down to a single message; if that is too large, as 401.", None),
    429: Answer("The same is sent again after a pause; Retry-After is honoured.", None),
    500: Answer("As 408.", None),
    502: Answer("As 408.", None),
    503: Answer("As 429.", None),
    504: Answer("As 408.", None),
    505: Answer("As 401.", None),
}
