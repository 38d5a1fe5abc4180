"""The examples people start from, run as they are written: `docs/connect.md` and the client's own docstring."""

import ast
import asyncio
import inspect
import re
import sys
import textwrap
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import opendip.client
from opendip import catalogue
from opendip.client import Credentials, signing, verify_call

from .deliveries import calling_as, make_message, make_transaction_id
from .fake_dip import FakeDip, answer, make_entry
from .subjects import AGENT, SUPPLIER

DIP_URL = "https://127.0.0.1:8443"
PAGE = Path(__file__).parents[3] / "docs" / "connect.md"


def read_examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def directory(tmp_path: Path, supplier_directory: Path, agent_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader of the page would be: beside their credentials."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / SUPPLIER.dip_id).symlink_to(supplier_directory)
    (tmp_path / "credentials" / AGENT.dip_id).symlink_to(agent_directory)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def run(directory: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


def load_example(source: str, **names: Any) -> dict[str, Any]:
    """The example's definitions; its last line, that runs it, is left for the test."""
    namespace: dict[str, Any] = {**names}
    exec(source.removesuffix("asyncio.run(main())\n"), namespace)
    return namespace


def prove_last_call(fake_dip: FakeDip) -> None:
    call, now = fake_dip.calls[-1], datetime.now(UTC)
    headers = signing.read_signature_headers(call.headers)
    signer = fake_dip.credentials.trust.get_signer(headers.certificate, now)
    content_hash = signing.content_hash(call.body)
    verify_call(headers, call.method, [call.url], content_hash=content_hash, key=signer.public_key, now=now)
    assert signer.subject == SUPPLIER
    assert call.headers["X-API-Key"] == "key-of-supplier"


def test_the_text_to_check_an_implementation_against_is_right():
    [text] = read_examples("text")
    url = f"{DIP_URL}/2.1.0/dip-channel/IF-024"
    expected = signing.signed_text("POST", url, "2026-03-21T19:05:00.000Z", signing.content_hash(b"[]"))
    assert text.strip().encode() == expected


async def test_the_first_message_is_valid_and_proved(fake_dip: FakeDip, directory: Path):
    [script] = read_examples("sh")
    printed = await run(directory, "bash", "-euo", "pipefail", "-c", script.replace(DIP_URL, fake_dip.url))
    prove_last_call(fake_dip)
    [call] = fake_dip.calls
    [message] = msgspec.json.decode(call.body, type=list[msgspec.Raw])
    release = catalogue.load()
    assert catalogue.list_faults(release.channels["IF-024"], release, bytes(message)) == []
    assert call.url.endswith("/2.1.0/dip-channel/IF-024")
    assert "MSG0000 - Success" in printed
    assert printed.endswith("201\n")
    assert not (directory / "headers.txt").exists()


async def test_sending_from_python_is_as_written(fake_dip: FakeDip, directory: Path):
    source = read_examples("python")[0]
    body = msgspec.json.encode([make_message(1)])
    (directory / "message.json").write_bytes(body)
    printed = await run(directory, sys.executable, "-c", source.replace(DIP_URL, fake_dip.url))
    prove_last_call(fake_dip)
    assert fake_dip.calls[0].body == body
    assert printed == "T-1 MSG0000 - Success\n"


async def test_receiving_from_python_answers_per_message(fake_dip: FakeDip, directory: Path):
    source = read_examples("python")[1].replace(DIP_URL, fake_dip.url).replace("port=9443, ", "")
    example = load_example(source)
    task: asyncio.Task[None] = asyncio.ensure_future(example["main"]())
    called = asyncio.ensure_future(fake_dip.called.wait())
    await asyncio.wait({task, called}, return_when=asyncio.FIRST_COMPLETED)
    config = msgspec.json.decode(fake_dip.calls[0].body)
    good = make_message(1)
    good["payload"]["CustomBlock"] = {"B057": {}}
    async with calling_as(fake_dip.credentials) as caller:
        body = msgspec.json.encode([make_message(0), good])
        status, got = await caller.deliver(config["callbackURL"], body, signed_at=datetime.now(UTC))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert config["maxMessageCount"] == 500
    assert status == 207
    assert got is not None
    assert [(e.transactionID, e.code) for e in got.messageArray] == [
        (make_transaction_id(0), "RCP1021"),
        (make_transaction_id(1), "RCP0000"),
    ]


async def test_the_clients_own_example_sends_and_takes(
    fake_dip: FakeDip,
    directory: Path,
    capsys: pytest.CaptureFixture[str],
):
    docstring = inspect.getdoc(opendip.client) or ""
    source = textwrap.dedent(docstring[docstring.index("    async def main") :])
    assert len(source.strip().splitlines()) <= 12
    ast.parse(source)
    names = {name: getattr(opendip.client, name) for name in opendip.client.__all__}
    source = source.replace(DIP_URL, fake_dip.url).replace("port=8444, ", "")
    main: Callable[[], Awaitable[None]] = load_example(source, messages=[make_message(1)], **names)["main"]
    fake_dip.answers = [answer(201), answer(201, make_entry())]
    await main()
    assert capsys.readouterr().out == "201 ['MSG0000 - Success']\n"
    assert [call.url.rsplit("/", 1)[1] for call in fake_dip.calls] == [SUPPLIER.dip_id, "IF-021"]


def test_the_page_names_every_file_of_a_directory_of_credentials(supplier_directory: Path):
    for path in supplier_directory.iterdir():
        assert f"`{path.name}`" in PAGE.read_text()
    assert Credentials.load(supplier_directory).dip_id == SUPPLIER.dip_id
