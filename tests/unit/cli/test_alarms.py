from datetime import timedelta

import pytest

from opendip.cli.alarms import print_alarms
from opendip.store.alarms import Alarm
from tests.builders import NOW, SUPPLIER

COMMAND = f"dip dead-letters list --recipient {SUPPLIER} --channel IF-021"


def test_nothing_of_an_alarm_is_cut_off_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opendip.cli.alarms.get_width", lambda: 80)
    text = f"Messages of IF-021 to {SUPPLIER} were not delivered: {'it did not answer ' * 9}. See: {COMMAND}"
    first, last = NOW, NOW + timedelta(hours=1)
    alarm = Alarm(12, "dead-letters", f"{SUPPLIER} IF-021", text, 1234, first, last, None)
    print_alarms([alarm, alarm._replace(raised=1, cleared_at=last)])

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"    12  dead-letters: {SUPPLIER} IF-021"
    assert lines[1] == f"        {first:%Y-%m-%dT%H:%M:%SZ} to {last:%Y-%m-%dT%H:%M:%SZ}, raised 1,234 times"
    assert f"        {COMMAND}" in lines
    assert lines[-1] == f"        cleared {last:%Y-%m-%dT%H:%M:%SZ}"
    assert max(map(len, lines)) <= 80
