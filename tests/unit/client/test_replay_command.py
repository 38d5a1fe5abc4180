"""`dip replay` against a DIP that refuses, breaks off or answers: the file is whole, or what it was."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from opendip.cli.replay_requests import make_request
from opendip.cli.replays import replay, requeue
from opendip.client import Refused

from .deliveries import make_batch
from .fake_dip import FakeDip, answer, make_entry
from .test_replaying import TOKEN, give


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "again.jsonl").write_text("of yesterday\n")
    return tmp_path / "again.jsonl"


def read_alone(out: Path) -> bytes:
    """Nothing else was left beside it."""
    assert list(out.parent.iterdir()) == [out]
    return out.read_bytes()


async def run_replay(fake_dip: FakeDip, directory: Path, out: Path, channel: str = "IF-021", **options: Any) -> None:
    await asyncio.to_thread(replay, channel, directory, fake_dip.url, out, "2026-03-21", **options)


async def test_a_refused_replay_leaves_the_file_and_says_what_to_do(
    fake_dip: FakeDip, supplier_directory: Path, out: Path
) -> None:
    entry = make_entry("MSG1001 - Schema Failure")
    entry.help = "Say from when on."
    fake_dip.answers = [answer(400, entry)]
    with pytest.raises(Refused, match=r"Schema Failure\. Say from when on\."):
        await run_replay(fake_dip, supplier_directory, out)
    assert read_alone(out) == b"of yesterday\n"


async def test_a_replay_that_breaks_off_leaves_the_file_and_says_so(
    fake_dip: FakeDip, supplier_directory: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_dip.answers = [give(206, make_batch(2), X_Continuation_Token=TOKEN), answer(400)]
    with pytest.raises(Refused):
        await run_replay(fake_dip, supplier_directory, out)
    assert f"broke off after 2 messages. {out} is as it was" in capsys.readouterr().err
    assert read_alone(out) == b"of yesterday\n"


async def test_a_whole_replay_takes_the_files_place(fake_dip: FakeDip, supplier_directory: Path, out: Path) -> None:
    fake_dip.answers = [give(206, make_batch(2), X_Continuation_Token=TOKEN), give(200, make_batch(1))]
    await run_replay(fake_dip, supplier_directory, out)
    assert len(read_alone(out).splitlines()) == 3


async def test_status_messages_are_had_again_by_the_same_commands(
    fake_dip: FakeDip, supplier_directory: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_dip.answers = [give(200, [make_entry()])]
    await run_replay(fake_dip, supplier_directory, out, channel="STATUS", transaction=["T-1"])
    assert msgspec.json.decode(read_alone(out))["transactionID"] == "T-1"
    assert "/statusmessage/replay/" in fake_dip.calls[0].url
    assert msgspec.json.decode(fake_dip.calls[0].body)["transactionID"] == "T-1"
    status = {"percentComplete": 100, "totalTransactions": 4, "processedTransactions": 4, "status": "Completed"}
    fake_dip.answers = [give(202, {"requeueId": TOKEN}), give(200, status)]
    await asyncio.to_thread(requeue, "STATUS", supplier_directory, fake_dip.url, "2026-03-21")
    assert "4 messages are on the queue" in capsys.readouterr().out
    assert f"/statusmessage/requeueStatus/{fake_dip.calls[0].url[-10:]}" in fake_dip.calls[-1].url


@pytest.mark.parametrize(
    ("channel", "options"),
    [
        ("IF-021", {"since": "yesterday"}),
        ("STATUS", {}),
        ("STATUS", {"since": "2026-03-21", "event": "ActivePower"}),
        ("STATUS", {"since": "2026-03-21", "transactions": ("a", "b")}),
    ],
)
def test_what_cannot_be_asked_for_is_not_asked(channel: str, options: dict[str, Any]) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("since", "until", "event", "mpan", "version")) | {"transactions": ()}
    with pytest.raises(typer.BadParameter, match=r"2026-03-21|choose messages|once"):
        make_request(channel, **{**nothing, **options})
