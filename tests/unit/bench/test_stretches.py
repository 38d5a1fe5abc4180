"""What is made of a scenario's run: usage between two looks, order, verdicts."""

from array import array

import pytest

from opendip.bench.dead_report import judge_dead
from opendip.bench.drain_report import count_out_of_order, judge_drain
from opendip.bench.market import list_mpans, list_suppliers, make_supplied_points
from opendip.bench.options import DeadOptions, DrainOptions, UnusableOption
from opendip.bench.receivers import Delivery
from opendip.bench.stretches import Look, find_usage, is_within_noise
from opendip.bench.transactions import INDEX_BITS
from opendip.bench.unwell import list_ways
from opendip.bench.usage import MachineTime, Usage

CLEAN = {"lost": 0, "duplicates": 0, "refused_calls": 0, "status_messages": 0, "out_of_order": 0}


def a_look(at: float, seconds: float) -> Look:
    return Look(at, Usage({"worker": seconds}, MachineTime(idle=seconds, total=2 * at)), {})


def a_delivery(*numbers: tuple[int, int]) -> Delivery:
    return Delivery(
        "2300000011", 1.0, array("q", [(submission << INDEX_BITS) + index for submission, index in numbers])
    )


def a_drain(rate: int = 9000, first: float = 20.0, last: float = 20.0, beside: float = 50.0, **changes: int) -> dict:
    others = {name: {"latency_ms": {"p99": p99}} for name, p99 in (("alone", 50.0), ("beside_standing", beside))}
    costs = {"cpu_us_while_long": first, "cpu_us_while_short": last}
    drain = {"messages": 1_000_000, "messages_per_second": rate, **costs}
    return {**CLEAN, **changes, "others": others, "drain": drain}


@pytest.mark.parametrize(("at", "used"), [(9.0, 1.0), (10.0, 1.0), (10.5, 2.0), (11.0, 3.0), (11.5, 3.5), (99.0, 4.0)])
def test_what_was_used_between_two_looks_is_found_in_proportion(at, used):
    looks = [a_look(10.0, 1.0), a_look(11.0, 3.0), a_look(12.0, 4.0)]
    assert find_usage(looks, at).cpu == {"worker": used}


def test_a_message_behind_a_later_one_of_its_submission_is_out_of_order():
    assert count_out_of_order([a_delivery((1, 0), (1, 1), (2, 0)), a_delivery((1, 2), (2, 1))]) == 0
    assert count_out_of_order([a_delivery((1, 0), (1, 2)), a_delivery((1, 1))]) == 1


def test_a_p99_may_be_as_much_higher_as_two_runs_differ_anyway():
    assert is_within_noise(60.0, 50.0)
    assert is_within_noise(249.0, 200.0)
    assert not is_within_noise(63.0, 50.0)


@pytest.mark.parametrize(
    "changes", [{"rate": 7999}, {"first": 30.0}, {"beside": 90.0}, {"lost": 1}, {"duplicates": 1}, {"out_of_order": 1}]
)
def test_each_broken_promise_of_a_drain_is_in_the_verdict(changes):
    assert all(judge_drain(DrainOptions(), a_drain()).values())
    assert list(judge_drain(DrainOptions(), a_drain(**changes)).values()).count(False) == 1


def test_a_rate_that_the_recipient_sets_is_what_it_must_drain_at():
    assert DrainOptions(limit=2000).promised_rate == 1800
    assert DrainOptions(limit=20_000).promised_rate == 8000


def test_the_dead_may_not_be_felt_by_the_others():
    def judge(beside: float, lost: int = 0) -> list[bool]:
        p99 = {"without": 50.0, "beside": beside, "without_again": 60.0}
        well = {name: {"latency_ms": {"p99": value}} for name, value in p99.items()}
        return list(judge_dead({**CLEAN, "lost": lost, "well": well}).values())

    assert judge(74.0) == [True, True]
    assert judge(80.0) == [False, True]
    assert judge(74.0, lost=1) == [True, False]


def test_any_messages_in_a_row_go_to_as_many_suppliers():
    suppliers = list_suppliers(60)
    points = make_supplied_points(suppliers)
    for first in (0, 7, 60):
        assert len({p.addresses[0].role.dip_id for p in points[first : first + 60]}) == 60
    assert len({player.mpid for player in suppliers}) == 60
    assert list_mpans(points, suppliers[:1]) == tuple(p.mpan for p in points[::60])


def test_the_dead_fail_in_every_way():
    assert list_ways(10) == 2 * ["refuses", "hangs", "answers 500", "resets"] + ["refuses", "hangs"]


@pytest.mark.parametrize("options", [DeadOptions(recipients=5, dead=5), DeadOptions(dead=0), DrainOptions(messages=0)])
def test_a_scenario_that_cannot_be_run_is_refused(options):
    with pytest.raises(UnusableOption):
        options.check()
