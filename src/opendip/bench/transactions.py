"""Transaction ids as numbers, so that millions of them fit in memory."""

from collections.abc import Iterable

from opendip.domain.references import INDEX_DIGITS

INDEX_BITS = 4 * INDEX_DIGITS


def read_number(transaction_id: str) -> int:
    """The submission's number and the message's index in it, in one number of 64 bits."""
    return int(transaction_id.rpartition("-")[2], 16)


def read_submission(transaction_id: str) -> int:
    return read_number(transaction_id) >> INDEX_BITS


def list_numbers(transaction_ids: Iterable[str]) -> list[int]:
    return [int(each.rpartition("-")[2], 16) for each in transaction_ids]
