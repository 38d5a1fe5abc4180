"""Who and when the client's tests are about."""

from datetime import UTC, datetime

from opendip.client.certificates import Subject
from opendip.operations.authority import DIP_ORGANISATION

NOW = datetime.now(UTC).replace(microsecond=0)
LOOPBACK = ("localhost", "127.0.0.1")

DIP = Subject("0000000000", DIP_ORGANISATION)
SUPPLIER = Subject("1109012345", "Bright Lamp Energy")
AGENT = Subject("1209012345", "Careful Meters")
