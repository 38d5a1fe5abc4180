"""The README's first message and the operator's backup, as they are typed: every block of commands, in order."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

import msgspec
import pytest

from tests.journeys.processes import find_free_port
from tests.journeys.waiting import eventually

ROOT = Path(__file__).parents[2]
SECONDS_TO_STOP = 60


class Reader:
    """Somebody with a few terminals, all in one directory; the ports are other ones than the pages'."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._ports = {name: str(find_free_port()) for name in ("8443", "9443")}
        self._terminals: list[Popen[bytes]] = []
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIP_")}
        path = f"{Path(sys.executable).parent}:{environ['PATH']}"
        self._environ = {**environ, "PATH": path, "DIP_API_PORT": self._ports["8443"], "PYTHONUNBUFFERED": "1"}

    def list_blocks(self, page: str, language: str) -> list[str]:
        text = (ROOT / page).read_text()
        for port, other in self._ports.items():
            text = text.replace(port, other)
        return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)

    def open_terminal(self, command: str, log: str) -> Path:
        """A command that runs until the reader closes the terminal; what it says is in the file."""
        path = self.directory / log
        with path.open("wb") as said:
            terminal = Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.directory, env=self._environ, stdout=said, stderr=STDOUT
            )
        self._terminals.append(terminal)
        return path

    async def type(self, *command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.directory, env=self._environ, stdout=PIPE, stderr=STDOUT
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    async def type_script(self, script: str) -> str:
        return await self.type("bash", "-euo", "pipefail", "-c", script)

    def close(self) -> None:
        for terminal in reversed(self._terminals):
            terminal.send_signal(signal.SIGINT)
        assert [terminal.wait(SECONDS_TO_STOP) for terminal in self._terminals] == [0] * len(self._terminals)


@pytest.fixture
def reader(open_directory: Path) -> Iterator[Reader]:
    directory = open_directory / "readme"
    directory.mkdir(mode=0o711)
    reader = Reader(directory)
    yield reader
    reader.close()


def count_received(log: Path) -> int:
    return sum(int(count) for count in re.findall(r"PUB-024: (\d+) message", log.read_text()))


async def test_a_stranger_sets_up_sends_by_hand_by_command_and_from_python_backs_up_and_restores(
    reader: Reader,
) -> None:
    set_up, serve, receive, by_hand, by_command = reader.list_blocks("README.md", "sh")
    [program] = reader.list_blocks("README.md", "python")
    back_up, restore, rules, look = reader.list_blocks("docs/operate.md", "sh")

    said = await reader.type_script(set_up)
    assert "1209012345 got certificates and an API key" in said
    dip = reader.open_terminal(serve, "dip.log")
    service = reader.open_terminal(receive, "service.log")
    await eventually(lambda: "api_ready" in dip.read_text(), "the DIP serves")
    await eventually(lambda: "Taking messages at" in service.read_text(), "the data service listens")

    answers = await reader.type_script(f"{by_hand}\necho\n{by_command}")
    assert answers.count("MSG0000 - Success") == 2
    await eventually(lambda: count_received(service) == 2, "two messages at the data service")
    assert (await reader.type(sys.executable, "-c", program)).startswith("201 100 T-IF-024-1109012345-SUP-")
    await eventually(lambda: count_received(service) == 102, "a hundred more")
    [sent] = msgspec.json.decode((reader.directory / "message.json").read_bytes())
    assert sent["payload"]["CommonBlock"]["M0"]["MPANCore"] not in dip.read_text()

    assert "IF-021" in await reader.type_script(rules)
    assert "dip_id | role | channel | waiting | failures" in await reader.type_script(back_up + look)
    assert (await reader.type_script(restore)).count("1209012345 ") == 2
