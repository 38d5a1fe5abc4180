"""The processes of a DIP: the API, the workers, the clock, and `serve`, which runs them all on one machine.

Every one but the database is stateless: any may be killed at any moment, and started again anywhere.
"""

from opendip.processes.api import run_api
from opendip.processes.clock import run_clock
from opendip.processes.serve import serve
from opendip.processes.worker import run_worker

__all__ = ["run_api", "run_clock", "run_worker", "serve"]
