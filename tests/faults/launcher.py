"""A process of the DIP with a clock that can be stepped, and perhaps a planted bug: `dip`, started from outside.

The product has no hook for either: this module changes `datetime` before any of it is imported.
"""

import datetime
import mmap
import os
import struct
from typing import Any

CLOCK = "FAULTS_CLOCK"
"""Names the variable with the file that holds, as eight bytes, by how many seconds the clock is wrong."""
BUG = "FAULTS_BUG"
_true_datetime = datetime.datetime


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _true_datetime)


def step_clock(path: str) -> None:
    """`datetime.now()` is wrong from now on by what the file says."""
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib would import datetime's users
        offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    class SteppedDatetime(_true_datetime, metaclass=_AnyDatetime):
        # As large as the true one, which compiled modules check when they are imported.
        __slots__ = ()

        # True ones, for some libraries take nothing else.
        fromisoformat = _true_datetime.fromisoformat
        fromtimestamp = _true_datetime.fromtimestamp
        strptime = _true_datetime.strptime
        combine = _true_datetime.combine

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return _true_datetime.now(tz) + datetime.timedelta(seconds=struct.unpack("d", offset[:8])[0])

    datetime.datetime = SteppedDatetime  # type: ignore[misc]


def main() -> None:
    step_clock(os.environ[CLOCK])
    from opendip.cli import main as run
    from tests.faults.bugs import plant

    plant(os.environ.get(BUG, ""))
    run()


if __name__ == "__main__":
    main()
