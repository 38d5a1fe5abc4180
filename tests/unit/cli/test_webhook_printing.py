import csv
import io
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from opendip.cli.webhook_printing import print_csv, print_json, print_table
from opendip.store.webhooks import WebhookState
from tests.builders import NOW, SUPPLIER


def a_state(**others: Any) -> WebhookState:
    usual: dict[str, Any] = dict.fromkeys(WebhookState._fields)
    usual |= {"dip_id": SUPPLIER, "channel": "IF-021", "breaker": "closed", "waiting": 1234}
    return WebhookState(**{**usual, **others})


def test_a_table_says_all_that_keeps_messages_back(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        [
            a_state(),
            a_state(url="https://a.example.org/m?key=secret", paused_at=NOW, max_message_rate=5),
            a_state(url="https://b.example.org/m", stopped_at=NOW, stopped_reason="answered 404", answer_status=404),
            a_state(
                url="https://c.example.org/m", breaker="open", breaker_until=NOW, tried_at=NOW, outcome="no answer"
            ),
        ],
        every=True,
        with_details=True,
    )

    said = capsys.readouterr().out
    for words in ("there is no webhook", "paused since 20", "answered 404", "breaker open until 20", "5 a second"):
        assert words in said
    assert "4 of 4 webhooks, 4,936 messages waiting." in said
    assert "secret" not in said


def test_a_webhook_is_a_line_of_80_columns_where_it_can_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opendip.cli.webhook_printing.get_width", lambda: 80)
    well = a_state(url="https://a.example.org/m", waiting=0)
    retried = a_state(url="https://a.example.org/m", retry_at=NOW + timedelta(hours=1), outcome="answered 503 " * 9)
    print_table([well, a_state(), well._replace(waiting=7), retried], every=False)

    first, second, third, *more, end, left = capsys.readouterr().out.splitlines()
    assert first.endswith("1,234  there is no webhook")
    assert second.endswith("7  taking messages")
    assert "waiting to try again at 2026-03-21T" in third
    assert "taking messages" not in third
    assert max(map(len, (first, second, third, *more))) <= 80
    assert end.startswith("3 of 4 webhooks")
    assert left.startswith("1 with nothing waiting and nothing wrong are left out")


def test_what_a_recipient_writes_cannot_dress_itself_up(capsys: pytest.CaptureFixture[str]) -> None:
    state = a_state(url="https://a.example.org/[red]", tried_at=NOW, outcome="[bold]\x1b[2J 2000000000006")

    for show in (partial(print_table, every=True, with_details=True), print_json, print_csv):
        show([state])

        said = capsys.readouterr().out
        assert "[bold]" in said
        assert "\x1b" not in said
        assert "2000000000006" not in said


def test_records_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    states = [a_state(url="https://a.example.org/m?key=secret", paused_at=NOW), a_state(channel="STATUS")]

    print_json(states)
    records = json.loads(capsys.readouterr().out)
    print_csv(states)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert [record["url"] for record in records] == ["https://a.example.org/m", None]
    assert [row["channel"] for row in rows] == ["IF-021", "STATUS"]
    assert rows[0]["paused_at"] == records[0]["paused_at"]


def test_nothing_is_printed_as_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_csv([])
    print_table([], every=False)
    print_json([])

    assert "0 of 0 webhooks" in capsys.readouterr().out
