"""Commands as an operator gives them, each a process of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any


async def run_command(home: Path, *arguments: str, code: int = 0) -> str:
    """What `dip …` prints; fails when it ends otherwise than expected."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIP_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opendip", *arguments, "--home", str(home)),
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == code, f"dip {' '.join(arguments)} ended with {process.returncode}: {err.decode()}"
    return out.decode()


async def read_json(home: Path, *arguments: str) -> Any:
    return json.loads(await run_command(home, *arguments, "--json"))
