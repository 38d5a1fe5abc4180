"""The participant API described as OpenAPI 3.1: made from what there is, written by `dip openapi`."""

from opendip.api.description.calls import CALLS
from opendip.api.description.document import describe_api, write_description

__all__ = ["CALLS", "describe_api", "write_description"]
