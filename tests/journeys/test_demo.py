"""The demo, small: a real DIP, real webhooks, a business day; and that it says so when a day goes wrong."""

import re
import socket
from datetime import timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console

from opendip.simulator.day import Plan
from opendip.simulator.demo import run_plan


def play(directory: Path, plan: Plan) -> tuple[int, str]:
    said = StringIO()
    return run_plan(directory, False, plan, Console(file=said, width=200)), said.getvalue()


def find_port(said: str) -> int:
    found = re.search(r"https://127\.0\.0\.1:(\d+)", said)
    assert found
    return int(found[1])


def test_on_a_small_day_every_delivery_arrives_once_and_in_form(open_directory: Path) -> None:
    code, said = play(open_directory / "small-day", Plan(metering_points=200, appointments=50, exchanges=20))

    assert (code, "lost: 0" in said) == (0, True), said
    assert "metering services appointed: 48, declined: 2; workflows begun: 50" in said
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", find_port(said))) != 0, "the DIP is still up"


def test_a_day_that_takes_too_long_ends_with_what_is_outstanding(open_directory: Path) -> None:
    plan = Plan(metering_points=40, appointments=2, exchanges=2, time_limit=timedelta(0))

    code, said = play(open_directory / "long-day", plan)

    assert code == 1
    assert "answers and deliveries are outstanding" in said


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear to me")

    code, said = play(tmp_path, Plan())

    assert code == 1
    assert "name a new directory" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
