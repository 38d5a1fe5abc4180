"""Who may say what of which message, decided without a store."""
# ruff: noqa: N815

from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
import pytest

from opendip import catalogue
from opendip.domain.market import Market, Participant
from opendip.domain.outcomes import Fault
from opendip.stages.relay.checks import SenderChecks, find_subject_fault
from opendip.stages.relay.schema import StatusMessage, prepare_schema
from opendip.store.receipts import Receipt
from tests.builders import ALWAYS, DATA_SERVICE, DISTRIBUTOR, PROVIDER, SUPPLIER, TODAY, a_nomination

ID = f"T-IF-021-{DATA_SERVICE}-SDS-20260321-00000000000700000"
RECEIPTS = {ID: Receipt(DATA_SERVICE, frozenset({SUPPLIER}))}


@dataclass(frozen=True)
class Given:
    """An entry in good order; the names are the wire's."""

    transactionID: str | None = ID
    senderUniqueReference: str | None = None
    correlationID: str | None = None
    sentTimestamp: str = "2026-03-21T19:05:00+00:00"
    senderID: str = SUPPLIER
    recipientID: str | None = DATA_SERVICE
    DIPConnectionProviderID: str | None = None
    message: str | None = "RCP1061 - MPAN Invalid or Unknown"
    help: str | None = None
    serviceTicketURL: str | None = None


def a_status(**changes: str | None) -> StatusMessage:
    return replace(Given(), **changes)  # type: ignore[arg-type, return-value]


def a_market(**changes: object) -> Market:
    """SUPPLIER has nominated PROVIDER, for its role alone unless said otherwise."""
    roles = {SUPPLIER: "SUP", DATA_SERVICE: "SDS", DISTRIBUTOR: "LDSO", PROVIDER: "DCP"}
    nomination = a_nomination(**{"for_dip_id": SUPPLIER, "role": "SUP", **changes})
    return Market(
        version=1,
        participants={i: Participant(i, "Example Ltd", None, {role: ALWAYS}) for i, role in roles.items()},
        api_keys={},
        certificates={},
        nominations={(PROVIDER, SUPPLIER): (nomination,)},
        webhooks={},
        holders={},
    )


def find_fault(status: StatusMessage, caller: str = SUPPLIER, market: Market | None = None) -> Fault | None:
    return SenderChecks(caller, market or a_market(), TODAY).find_fault(status)


class TestWhoSpeaks:
    def test_a_recipient_speaks_for_itself(self) -> None:
        assert find_fault(a_status()) is None
        assert find_fault(a_status(DIPConnectionProviderID=SUPPLIER)) is None

    @pytest.mark.parametrize("provider", [None, PROVIDER])
    def test_its_provider_speaks_for_it(self, provider: str | None) -> None:
        assert find_fault(a_status(DIPConnectionProviderID=provider), PROVIDER) is None

    def test_a_nomination_for_all_roles_is_one_for_any(self) -> None:
        assert find_fault(a_status(), PROVIDER, a_market(role=None)) is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"role": "SDS"},
            {"tenure": replace(ALWAYS, ends_on=TODAY)},
            {"tenure": replace(ALWAYS, starts_on=TODAY + timedelta(1))},
        ],
    )
    def test_a_nomination_that_does_not_hold_is_none(self, changes: dict[str, object]) -> None:
        fault = find_fault(a_status(), PROVIDER, a_market(**changes))
        assert fault is not None
        assert fault.code == "MSG1011"

    def test_a_stranger_does_not_speak_for_it(self) -> None:
        fault = find_fault(a_status(DIPConnectionProviderID=DISTRIBUTOR), DISTRIBUTOR)
        assert fault is not None
        assert fault.code == "MSG1011"

    def test_nobody_names_another_provider(self) -> None:
        fault = find_fault(a_status(DIPConnectionProviderID=PROVIDER))
        assert fault is not None
        assert (fault.code, "this API key" in fault.help) == ("MSG1011", True)

    def test_the_unknown_are_told_apart_from_those_who_have_not_nominated(self) -> None:
        fault = find_fault(a_status(senderID="9999999999"))
        assert fault is not None
        assert fault.code == "MSG1009"


@pytest.mark.parametrize(
    "time", ["2026-02-30T19:05:00+00:00", "2026-03-21 19:05:00+00:00", "٢026-03-21T19:05:00+00:00"]
)
def test_a_time_that_is_none_is_refused(time: str) -> None:
    fault = find_fault(a_status(sentTimestamp=time))
    assert fault is not None
    assert fault.code == "MSG1007"


class TestTheMessageItIsAbout:
    def test_it_was_sent_to_who_speaks_by_who_is_spoken_to(self) -> None:
        assert find_subject_fault(a_status(), RECEIPTS) is None

    def test_one_that_others_received_is_as_one_that_does_not_exist(self) -> None:
        missing = find_subject_fault(a_status(transactionID="T-nothing"), RECEIPTS)
        assert missing is not None
        assert missing.code == "MSG1000"
        assert find_subject_fault(a_status(transactionID=None), RECEIPTS) == missing
        for recipient in (DATA_SERVICE, SUPPLIER, None):
            assert find_subject_fault(a_status(senderID=DISTRIBUTOR, recipientID=recipient), RECEIPTS) == missing

    @pytest.mark.parametrize("recipient", [None, SUPPLIER, DISTRIBUTOR])
    def test_nobody_but_its_sender_is_told(self, recipient: str | None) -> None:
        fault = find_subject_fault(a_status(recipientID=recipient), RECEIPTS)
        assert fault is not None
        assert (fault.code, "recipientID must be the sender" in fault.help) == ("MSG1000", True)


SCHEMA = prepare_schema(catalogue.load())


class TestSchema:
    def test_an_entry_is_read_as_it_is(self) -> None:
        status = SCHEMA.decode(msgspec.Raw(msgspec.json.encode(Given())))
        assert msgspec.to_builtins(status) == msgspec.to_builtins(Given())

    def test_a_property_beside_the_published_ones_is_a_fault_that_is_named(self) -> None:
        raw = msgspec.Raw(msgspec.json.encode({**msgspec.to_builtins(Given()), "reasonCode": "RCP1061"}))
        with pytest.raises(msgspec.DecodeError):
            SCHEMA.decode(raw)
        [fault] = SCHEMA.list_faults(raw)
        assert fault.startswith("reasonCode: no such property")
