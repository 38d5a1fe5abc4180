import json
from datetime import timedelta

import pytest

from opendip.stages.deliver.answers import (
    Delivered,
    PartlyDelivered,
    Reason,
    Refused,
    Stopping,
    TooLarge,
    Undelivered,
    read_answer,
)
from opendip.stages.deliver.transport import Reply

FIRST, SECOND, THIRD = "T-1", "T-2", "T-3"


def mixed(**said: str | None) -> Reply:
    entries = [{"transactionID": t.replace("_", "-"), "message": text} for t, text in said.items()]
    return Reply(207, json.dumps({"messageArray": entries, "timestamp": "x"}).encode())


def test_201_means_that_all_has_arrived_whatever_the_body_says() -> None:
    assert read_answer(Reply(201, b"\xff not json"), [FIRST]) == Delivered()


def test_207_tells_message_by_message() -> None:
    answer = read_answer(mixed(T_1="RCP0000 - ok", T_2="REG1020 - No future dates"), [FIRST, SECOND, THIRD])
    assert isinstance(answer, PartlyDelivered)
    assert answer.refused[SECOND].code == "REG1020"
    assert answer.unmentioned == {THIRD}


def test_207_that_accepts_all_is_a_delivery() -> None:
    assert read_answer(mixed(T_1="RCP0000 - ok", T_2="MSG0000 - ok"), [FIRST, SECOND]) == Delivered()


def test_what_is_said_of_other_messages_is_ignored() -> None:
    answer = read_answer(mixed(T_1="RCP0000 - ok", T_9="REG1020 - No"), [FIRST])
    assert answer == Delivered()


def test_a_refusal_without_a_code_gets_the_general_one() -> None:
    answer = read_answer(mixed(T_1=None, T_2="just no"), [FIRST, SECOND])
    assert isinstance(answer, PartlyDelivered)
    assert answer.refused[FIRST].text == "RCP1000 - refused without a reason"
    assert answer.refused[SECOND].text == "RCP1000 - just no"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"messageArray":7}', b"\xff", b"[" * 100_000])
def test_a_207_that_cannot_be_read_is_tried_again(body: bytes) -> None:
    assert isinstance(read_answer(Reply(207, body), [FIRST]), Undelivered)


def test_a_207_of_millions_of_entries_is_not_taken_apart() -> None:
    millions = b'{"messageArray":[' + b"{}," * 3_000_000 + b"{}]}"
    assert isinstance(read_answer(Reply(207, millions), [FIRST]), Undelivered)


def test_a_207_that_mentions_no_message_of_the_batch_is_tried_again() -> None:
    assert isinstance(read_answer(mixed(T_9="RCP0000 - ok"), [FIRST]), Undelivered)


@pytest.mark.parametrize("status", [400, 405, 406])
def test_a_refusal_of_the_call_refuses_every_message(status: int) -> None:
    answer = read_answer(Reply(status, b"<html>no</html>"), [FIRST, SECOND])
    assert isinstance(answer, Refused)
    assert {t: r.text for t, r in answer.refused.items()} == dict.fromkeys(
        (FIRST, SECOND), f"RCP1000 - The recipient answered {status}"
    )


def test_a_refusal_of_the_call_is_told_in_the_recipients_words() -> None:
    said = [
        {"transactionID": None, "message": "RCP1001 - Schema Failure", "help": "line 3\u0000"},
        {"transactionID": SECOND, "message": "RCP1061 - MPAN unknown"},
    ]
    answer = read_answer(Reply(400, json.dumps({"messageArray": said}).encode()), [FIRST, SECOND])
    assert isinstance(answer, Refused)
    assert answer.refused[FIRST] == Reason("RCP1001", "RCP1001 - Schema Failure", "line 3 ")
    assert answer.refused[SECOND].code == "RCP1061"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_mend_itself_is_tried_again_as_late_as_the_recipient_asks(status: int) -> None:
    wait = timedelta(seconds=7)
    assert read_answer(Reply(status, b"", retry_after=wait), [FIRST]) == Undelivered(f"answered {status}", wait)


@pytest.mark.parametrize(
    "status", [200, 202, 204, 301, 302, 307, 401, 403, 404, 402, 410, 418, 451, 501, 505, 511, 599]
)
def test_what_sending_again_does_not_mend_stops_the_queue(status: int) -> None:
    assert read_answer(Reply(status, b""), [FIRST]) == Stopping(f"answered {status}")


def test_what_is_said_of_one_message_is_not_told_to_the_sender_of_another() -> None:
    said = [{"transactionID": FIRST, "message": "RCP1061 - secret"}, {"transactionID": "T-9", "message": "RCP1 - odd"}]
    answer = read_answer(Reply(400, json.dumps({"messageArray": said}).encode()), [FIRST, SECOND])
    assert isinstance(answer, Refused)
    assert answer.refused[SECOND].text == "RCP1000 - The recipient answered 400"


def test_413_asks_for_less_at_a_time() -> None:
    assert read_answer(Reply(413, b""), [FIRST]) == TooLarge()


def test_no_answer_is_tried_again_and_says_why() -> None:
    assert read_answer(Reply(None, b"", "no answer in time"), [FIRST]) == Undelivered("no answer in time")
