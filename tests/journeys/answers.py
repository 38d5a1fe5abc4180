"""What the DIP answers, and what every answer must be: a StandardResponse and nothing else (E2E 4.4.4.2)."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from opendip import catalogue

_KEYS = {
    *("transactionID", "senderUniqueReference", "correlationID", "sentTimestamp", "senderID", "recipientID"),
    *("DIPConnectionProviderID", "message", "help", "serviceTicketURL"),
}


@cache
def load_release() -> catalogue.Catalogue:
    return catalogue.load()


def assert_is_a(definition: str, raw: bytes) -> None:
    """The JSON is what the published definition of that name says."""
    faults = catalogue.list_definition_faults(definition, load_release(), raw)
    assert not faults, f"not a {definition}: {'; '.join(map(str, faults))}"


@dataclass(frozen=True)
class Reply:
    """One answer, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The messageArray of a body that is exactly a StandardResponse."""
        assert_is_a("StandardResponse", self.body)
        answer = msgspec.json.decode(self.body)
        assert answer.keys() == {"messageArray", "timestamp"}
        assert all(entry.keys() == _KEYS for entry in answer["messageArray"])
        assert self.headers["content-type"] == "application/json"
        return list(answer["messageArray"])

    @property
    def entry(self) -> dict[str, Any]:
        [entry] = self.entries
        return entry

    @property
    def transactions(self) -> list[str]:
        return [entry["transactionID"] for entry in self.entries]


def assert_accepted(reply: Reply, count: int = 1) -> list[str]:
    """201, MSG0000 for each message; answers their transaction ids."""
    assert reply.status == 201, reply.body[:2000]
    assert [entry["message"] for entry in reply.entries] == ["MSG0000 - Success"] * count
    assert all(entry["help"] is None for entry in reply.entries)
    return reply.transactions


def assert_entry(entry: dict[str, Any], code: str, says: str) -> None:
    """The response code with the catalogue's text, and a help that tells what to mend."""
    assert entry["message"] == f"{code} - {load_release().response_codes[code]}", entry
    assert says in (entry["help"] or ""), entry
    assert entry["transactionID"] is None
    assert entry["correlationID"] is None


def assert_refused(reply: Reply, status: int, code: str, says: str) -> None:
    """The whole call is refused, in one entry."""
    assert reply.status == status, (reply.status, reply.body[:2000])
    assert_entry(reply.entry, code, says)


def assert_message_refused(reply: Reply, code: str, says: str) -> None:
    """207 for a call of a single message that is refused."""
    assert_refused(reply, 207, code, says)
