"""What the roles say fits the catalogue, goes to the right party and keeps its correlation id."""

from collections.abc import Iterator
from datetime import date

import msgspec
import pytest

from opendip.catalogue import Catalogue, MessageDecoder, compile_catalogue, load
from opendip.simulator.actors import (
    Knowledge,
    Received,
    find_reaction,
    read_message,
    report_meter_exchange,
    request_appointment,
)
from opendip.simulator.drafts import Draft, Stamp, encode_draft
from opendip.simulator.market import (
    ADVANCED,
    PLAYERS,
    REGISTRATION,
    SMART_METERING,
    SUPPLIERS,
    MeteringPoint,
    Player,
    make_metering_points,
)

TODAY = date(2026, 3, 21)
CORRELATION = "CI-20260321-00a1"
SENT_AT = "2026-03-21T19:05:00+00:00"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture(scope="module")
def decoders(catalogue: Catalogue) -> dict[str, MessageDecoder]:
    return dict(compile_catalogue(catalogue))


@pytest.fixture(scope="module")
def known() -> Knowledge:
    points = make_metering_points(20, TODAY)
    return Knowledge({point.mpan: point for point in points}, TODAY)


@pytest.fixture(scope="module")
def smart_point(known: Knowledge) -> MeteringPoint:
    return next(iter(known.points.values()))


class Exchange:
    """Passes drafts on as the DIP would: checked, and with a D0 block."""

    def __init__(self, catalogue: Catalogue, decoders: dict[str, MessageDecoder], known: Knowledge) -> None:
        self._catalogue, self._decoders, self._known = catalogue, decoders, known
        self._count = 0

    def deliver(self, draft: Draft, player: Player) -> Received:
        channel = self._catalogue.channels[draft.channel]
        assert draft.role in channel.senders & set(player.roles)
        self._count += 1
        reference = f"S-{channel.id}-{player.dip_id}-{draft.role}-20260321-{self._count}"
        raw = encode_draft(draft, player, Stamp(reference, SENT_AT, "SIT", channel.schema_version))
        self._decoders[channel.id].decode(raw)
        message = msgspec.json.decode(raw)
        creates = channel.get_correlation(draft.event_code) == "CREATE"
        message["payload"]["CommonBlock"]["D0"] = {"initialCorrelationID": CORRELATION if creates else None}
        return read_message(msgspec.json.encode(message))

    def react(self, received: Received, player: Player) -> Iterator[Draft]:
        reaction = find_reaction(player.roles, received.channel)
        assert reaction is not None
        return reaction(received, self._known.points[received.mpan], self._known)


@pytest.fixture
def exchange(catalogue: Catalogue, decoders: dict[str, MessageDecoder], known: Knowledge) -> Exchange:
    return Exchange(catalogue, decoders, known)


def play_appointment(exchange: Exchange, point: MeteringPoint, *, has_contract: bool) -> list[Draft]:
    request = exchange.deliver(request_appointment(point, TODAY, has_contract=has_contract), SUPPLIERS[0])
    answer, question = exchange.react(request, REGISTRATION)
    exchange.deliver(answer, REGISTRATION)
    (decision,) = exchange.react(exchange.deliver(question, REGISTRATION), SMART_METERING[1])
    outcome = list(exchange.react(exchange.deliver(decision, SMART_METERING[1]), REGISTRATION))
    for draft in outcome:
        exchange.deliver(draft, REGISTRATION)
    return [answer, question, decision, *outcome]


def test_an_appointment_with_a_contract_becomes_active(exchange: Exchange, smart_point: MeteringPoint) -> None:
    drafts = play_appointment(exchange, smart_point, has_contract=True)

    assert [draft.channel for draft in drafts] == ["IF-032", "IF-033", "IF-034", "IF-035", "IF-036", "IF-037"]
    assert {draft.correlation_id for draft in drafts} == {CORRELATION}
    supplier, incoming, outgoing = SUPPLIERS[0].dip_id, SMART_METERING[1].dip_id, SMART_METERING[0].dip_id
    named = {draft.channel: draft.named for draft in drafts}
    assert named["IF-033"] == (incoming,)
    assert named["IF-036"] == (supplier, incoming)
    assert named["IF-037"] == (outgoing,)


def test_an_appointment_without_a_contract_is_declined(exchange: Exchange, smart_point: MeteringPoint) -> None:
    drafts = play_appointment(exchange, smart_point, has_contract=False)

    assert drafts[-1].event_code == "MSAppRejected"
    assert drafts[-1].named == (SUPPLIERS[0].dip_id,)


@pytest.mark.parametrize(("is_known", "outcome"), [(True, "A"), (False, "R")])
def test_an_exchanged_meter_is_answered_to_the_one_who_exchanged_it(
    exchange: Exchange, smart_point: MeteringPoint, is_known: bool, outcome: str
) -> None:
    report = report_meter_exchange(smart_point, "MSS", TODAY, is_known=is_known)

    (answer,) = exchange.react(exchange.deliver(report, SMART_METERING[0]), REGISTRATION)

    exchange.deliver(answer, REGISTRATION)
    assert (answer.channel, answer.response_code) == ("IF-006", outcome)
    assert (answer.named, answer.correlation_id) == ((SMART_METERING[0].dip_id,), CORRELATION)


def test_messages_that_need_no_answer_get_none() -> None:
    assert find_reaction(ADVANCED.roles, "IF-006") is None
    assert all(find_reaction(player.roles, "IF-021") is None for player in PLAYERS)
