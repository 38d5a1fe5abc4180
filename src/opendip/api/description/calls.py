"""Every call of the API with its description: a route that is not here is a fault, and so is one that is too many."""

from collections.abc import Mapping

from opendip.api.description import message_calls, replay_calls, status_replay_calls, webhook_calls
from opendip.api.description.call import Call

CALLS: Mapping[tuple[str, str], Call] = {
    **message_calls.CALLS,
    **webhook_calls.CALLS,
    **replay_calls.CALLS,
    **status_replay_calls.CALLS,
}
"""(path as in `opendip.api.app.PATHS`, method) to what is told of it."""
