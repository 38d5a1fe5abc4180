from contextlib import ExitStack

from opendip.stages.deliver.pace import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_recipient_is_slow_from_when_a_post_takes_long_until_one_does_not() -> None:
    clock = Clock()
    pace = Pace(clock)
    with ExitStack() as posts:
        posts.enter_context(pace.watch("2300000012"))
        with pace.watch("1400000011"):
            clock.now += 1
        assert pace.list_slow() == set()
        clock.now += 1.5
        assert pace.list_slow() == {"2300000012"}
    assert pace.list_slow() == {"2300000012"}
    with pace.watch("2300000012"):
        clock.now += 0.1
    assert pace.list_slow() == set()
