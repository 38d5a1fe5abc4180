"""The books of a bench, on calls and deliveries written by hand."""

from array import array

from opendip.bench.balance import balance, list_latencies, summarise
from opendip.bench.generator import Sent
from opendip.bench.receivers import Delivery
from opendip.bench.transactions import INDEX_BITS, read_number

SUPPLIER, DISTRIBUTOR = "2300000012", "1400000016"
BOTH = (SUPPLIER, DISTRIBUTOR)


def a_call(submission: int = 7, accepted: int = 3) -> Sent:
    return Sent(due_at=100.0, sent_at=100.0, answered_at=100.5, submission=submission, accepted=accepted)


def a_delivery(dip_id: str, *indexes: int, submission: int = 7, answered_at: float = 101.0) -> Delivery:
    numbers = array("q", [(submission << INDEX_BITS) + index for index in indexes])
    return Delivery(dip_id, answered_at, numbers)


def test_everything_promised_arrived_once():
    books = balance([a_call()], [a_delivery(each, 0, 1, 2) for each in BOTH], BOTH)
    assert (books.accepted, books.delivered, books.lost, books.duplicates) == (3, 6, 0, 0)


def test_what_one_recipient_did_not_get_is_lost():
    books = balance([a_call()], [a_delivery(SUPPLIER, 0, 1, 2), a_delivery(DISTRIBUTOR, 0, 2)], BOTH)
    assert (books.delivered, books.lost) == (5, 1)


def test_what_came_twice_is_a_duplicate_and_makes_up_for_nothing():
    books = balance([a_call()], [a_delivery(SUPPLIER, 0, 0, 1)], [SUPPLIER])
    assert (books.delivered, books.lost, books.duplicates) == (2, 1, 1)


def test_the_warm_up_and_calls_without_an_answer_are_in_no_books():
    warm_up = a_delivery(SUPPLIER, 0, 1, submission=6)
    books = balance([a_call(accepted=1), a_call(0, 0)], [warm_up, a_delivery(SUPPLIER, 0)], [SUPPLIER])
    assert (books.accepted, books.delivered, books.lost, books.duplicates) == (1, 1, 0, 0)


def test_latency_is_counted_for_each_delivery_of_the_run():
    deliveries = [
        a_delivery(SUPPLIER, 0, 1, 2, answered_at=101.0),
        a_delivery(DISTRIBUTOR, 0, answered_at=104.0),
        a_delivery(SUPPLIER, 0, submission=6, answered_at=200.0),
    ]
    assert list_latencies(deliveries, {7: 100.5}) == [500.0, 500.0, 500.0, 3500.0]
    assert summarise([500.0, 500.0, 500.0, 3500.0]) == {"p50": 500, "p90": 3500, "p99": 3500, "max": 3500}


def test_a_transaction_id_is_kept_as_its_submission_and_index():
    assert read_number("T-IF-021-1109012345-SDS-20260321-00000000000700002") == (7 << INDEX_BITS) + 2
