"""`dip bench`: the hot path measured end to end, over real connections, on a DIP of its own.

What is measured, and how, is told in docs/performance.md.
"""

from opendip.bench.options import BenchOptions
from opendip.bench.running import run

__all__ = ["BenchOptions", "run"]
