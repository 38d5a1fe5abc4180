import json

import pytest

from opendip.stages.deliver.answers import Delivered, PartlyDelivered, Undelivered, read_answer
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


def test_a_207_that_mentions_no_message_of_the_batch_is_tried_again() -> None:
    assert isinstance(read_answer(mixed(T_9="RCP0000 - ok"), [FIRST]), Undelivered)


@pytest.mark.parametrize("status", [200, 202, 204, 301, 400, 401, 404, 413, 429, 500, 503])
def test_any_other_status_is_tried_again(status: int) -> None:
    assert read_answer(Reply(status, b""), [FIRST]) == Undelivered(f"answered {status}")


def test_no_answer_is_tried_again_and_says_why() -> None:
    assert read_answer(Reply(None, b"", "no answer in time"), [FIRST]) == Undelivered("no answer in time")
