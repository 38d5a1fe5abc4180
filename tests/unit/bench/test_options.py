"""What a bench may be asked for, and the batches that come of it."""

from itertools import islice

import pytest

from opendip.bench.options import BenchOptions, UnusableOption


def test_the_last_batch_holds_what_is_left():
    assert list(BenchOptions(messages=2500, batch=1000).list_batches()) == [1000, 1000, 500]


def test_a_pace_and_a_time_make_a_number_of_messages():
    options = BenchOptions(messages=1, batch=1000, rate=500, seconds=5)
    assert (options.planned, list(options.list_batches())) == (2500, [1000, 1000, 500])


def test_a_time_alone_sets_no_end():
    options = BenchOptions(batch=10, seconds=5)
    assert (options.planned, list(islice(options.list_batches(), 3))) == (None, [10, 10, 10])


@pytest.mark.parametrize(
    "changes",
    [{"messages": 0}, {"batch": 50_001}, {"recipients": 9}, {"recipients": 0}, {"rate": 0}, {"seconds": -1}],
)
def test_what_cannot_be_run_is_refused_by_the_name_of_the_option(changes):
    (name,) = changes
    with pytest.raises(UnusableOption, match=f"--{name}"):
        BenchOptions(**changes).check()
