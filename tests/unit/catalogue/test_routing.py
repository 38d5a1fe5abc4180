"""Who sends and who receives: what the shipped rows say, and that every row hangs together."""

from pathlib import Path

import pytest

from opendip.catalogue import Catalogue, MalformedRelease, Route
from opendip.catalogue.release import read_yaml
from opendip.catalogue.routing import read_rows
from opendip.catalogue.routing_import import convert_row, import_routing

ROLES = frozenset(
    "MSA ADS MSS SDS MDR UMSO UMSDS MDS LSS ISD VAS REGS SUP LDSO EES CS DIP".split()  # noqa: SIM905 - E2E 3.3.1
)
NOTES = Path(__file__).parents[4] / "shared/reference/routing.json"


def test_consumption_goes_to_the_parties_of_its_settlement_days(catalogue: Catalogue) -> None:
    channel = catalogue.channels["IF-021"]

    assert channel.senders == {"ADS", "SDS", "UMSDS"}
    assert channel.get_route("ActivePower", None) == Route(
        frozenset(), frozenset({"SUP", "LDSO"}), frozenset({"MDS", "CS", "LSS"})
    )
    assert channel.applies_at == (
        "CustomBlock",
        "B900",
        "settlementDayConsumptionPeriods",
        "[]",
        "settlementDay",
        "settlementDayDate",
    )
    assert channel.routing.basis["applies_at"].startswith("inferred")


def test_a_rejection_goes_to_whoever_asked_and_to_nobody_else(catalogue: Catalogue) -> None:
    channel = catalogue.channels["IF-006"]

    assert channel.get_route("MeterInstall", "R") == Route(primary=frozenset({"MSA", "MSS"}))
    assert "SUP" in channel.get_route("MeterInstall", "A").secondary
    assert channel.responds_to == "IF-005"


def test_an_event_code_can_have_a_route_and_a_correlation_of_its_own(catalogue: Catalogue) -> None:
    assert catalogue.channels["IF-003"].get_route("MSDeAppRM").primary == {"MSA", "MSS", "UMSO"}
    assert catalogue.channels["IF-034"].get_correlation("SDS-MDRUpdate") == "CREATE"
    assert catalogue.channels["IF-034"].get_correlation("MSAppSPResponse") == "COPY"
    assert catalogue.channels["IF-005"].correlation == "CREATE"


def test_roles_that_a_third_piece_of_evidence_names_are_in_the_lists(catalogue: Catalogue) -> None:
    assert "UMSO" in catalogue.channels["IF-038"].senders
    assert "MDS" in catalogue.channels["IF-037"].get_route("MSDeApp").always
    assert "UMSO" in catalogue.channels["IF-039"].get_route("DirectContractMSAdd").primary
    assert "UMSO" not in catalogue.channels["IF-039"].get_route("DirectContractDSAdd").primary
    assert "added" in catalogue.channels["IF-037"].routing.basis


def test_the_platform_itself_sends_and_receives_replays(catalogue: Catalogue) -> None:
    assert catalogue.channels["IF-016"].senders == {"DIP"}
    assert catalogue.channels["IF-015"].get_route("ConsumptionReplay").always == {"DIP"}


def test_a_report_keeps_its_name_when_it_is_published(catalogue: Catalogue) -> None:
    assert catalogue.channels["REP-002A"].publication_id == "REP-002A"
    assert {c.publication_id for c in catalogue.channels.values() if c.id.startswith("IF-")} == {
        c.id.replace("IF-", "PUB-") for c in catalogue.channels.values() if c.id.startswith("IF-")
    }


def test_only_a_message_that_names_an_mpan_has_secondary_recipients(catalogue: Catalogue) -> None:
    for channel in catalogue.channels.values():
        for event_code in channel.event_codes:
            assert channel.has_mpan or not channel.get_route(event_code).secondary


def test_every_row_speaks_of_roles_and_event_codes_there_are(catalogue: Catalogue) -> None:
    for channel in catalogue.channels.values():
        routing = channel.routing
        routes = [routing.route, *routing.by_event_code.values(), *routing.by_response_code.values()]
        assert {*routing.by_event_code, *routing.correlation_by_event_code} <= set(channel.event_codes)
        assert {role for route in routes for roles in (*vars_of(route), channel.senders) for role in roles} <= ROLES
        assert channel.senders
        assert routing.responds_to is None or routing.responds_to in catalogue.channels
        assert {"parties", "addressing", "correlation"} <= set(routing.basis)
        assert channel.retention_days == 730


def vars_of(route: Route) -> tuple[frozenset[str], ...]:
    return route.primary, route.secondary, route.always


def test_the_settlement_days_are_where_the_rows_say(catalogue: Catalogue) -> None:
    for channel in catalogue.channels.values():
        if channel.applies_at is not None:
            shape = channel.variants[0].payload
            for step in channel.applies_at:
                shape = catalogue.resolve(shape.items if step == "[]" else shape.find_property(step).shape)


def test_a_row_with_an_unknown_key_is_refused_by_its_channel() -> None:
    with pytest.raises(MalformedRelease, match=r"routing\.yaml, IF-001: .*`sender`"):
        read_rows({"IF-001": {"name": "x", "publication": "PUB-001", "sender": ["SUP"]}})


def test_notes_become_a_row_that_says_what_it_rests_on() -> None:
    row = convert_row(
        "IF-999",
        {
            "name": "Made up",
            "publication": None,
            "senders": ["SUP"],
            "primary": [],
            "secondary": ["MSA"],
            "always": ["MDS"],
            "eventCodes": {"One": None, "Two": {"primary": [], "secondary": ["MSA"], "always": []}},
            "correlation": "NONE",
            "correlationBasis": "",
            "correlationByEvent": {},
            "securityCategory": None,
            "respondsTo": None,
            "conditions": [],
            "confidence": "source: seed001 3.6; addressing split: A2,A3",
            "recommendedAdd": {"secondary": ["UMSO"], "always": ["EES"]},
        },
    )

    assert (row.publication, row.secondary, row.always) == ("PUB-999", ("MSA", "UMSO"), ("MDS", "EES"))
    assert row.by_event_code["Two"].secondary == ("MSA", "UMSO")
    assert row.by_event_code["Two"].always == ()
    assert row.basis == {
        "parties": "sourced: E2E 3.6",
        "addressing": "inferred: central roles always, roles an MPAN leads to",
        "added": "inferred: EES, UMSO by the message's blocks or title",
        "correlation": "inferred: nothing to follow up",
        "publication": "inferred: named as its neighbours are",
    }


@pytest.mark.skipif(not NOTES.is_file(), reason="the research notes are not beside the repository")
def test_the_shipped_rows_are_what_the_notes_become(catalogue: Catalogue, tmp_path: Path) -> None:
    import_routing(NOTES, tmp_path)

    converted = read_rows(read_yaml(tmp_path / "routing.yaml"))

    assert {row_id: row.build_routing() for row_id, row in converted.items()} == {
        channel.id: channel.routing for channel in catalogue.channels.values()
    }
