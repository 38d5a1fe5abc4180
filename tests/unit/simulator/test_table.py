"""What the demo shows at the end."""

import pytest

from opendip.simulator.table import find_quantile


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.9, 90.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_quantile_is_the_value_that_the_share_does_not_exceed(share: float, value: float) -> None:
    assert find_quantile([float(n) for n in range(1, 101)], share) == value


def test_of_nothing_the_quantile_is_nought() -> None:
    assert find_quantile([], 0.5) == 0
