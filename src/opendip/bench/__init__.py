"""`dip bench`: what the DIP can do, measured over real connections, on one of its own.

What is measured, and how, is told in docs/performance.md.
"""

from opendip.bench.options import BenchOptions, DeadOptions, DrainOptions
from opendip.bench.running import run, run_dead, run_drain

__all__ = ["BenchOptions", "DeadOptions", "DrainOptions", "run", "run_dead", "run_drain"]
