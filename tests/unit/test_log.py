"""The log is JSON, a line an event, whoever writes it."""

import json
import subprocess
import sys

SCRIPT = """
import logging
from opendip.processes.running import configure_log

configure_log()
logger = logging.getLogger("uvicorn.error")
logger.warning("Invalid %s received.", "request")
try:
    raise ValueError("2000000000000")
except ValueError:
    logger.exception("Exception in %s", "a call")
"""


def test_what_libraries_say_is_logged_as_all_else_and_without_what_an_error_quotes() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    said, failed = map(json.loads, done.stderr.splitlines())
    assert (said["event"], said["level"], said["text"]) == ("library_says", "warning", "Invalid request received.")
    assert (failed["event"], failed["level"], failed["error"]) == ("library_failed", "error", "ValueError")
    assert failed["trace"]
    assert "2000000000000" not in done.stderr
