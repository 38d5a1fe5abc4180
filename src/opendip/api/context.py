"""What every handler works with: the store, the market as it is now, the catalogue's channels, the operator's rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from opendip.api.budget import BodyBudget
from opendip.api.slots import ReplaySlots
from opendip.client.trust import TrustStore
from opendip.domain.market import Market
from opendip.stages.accept import AcceptingChannel, AcceptRules
from opendip.stages.relay import StatusSchema
from opendip.stages.replay import PageLimits, ReplayChannel
from opendip.store.pool import Pool


@dataclass(frozen=True, slots=True)
class ApiRules:
    """What the operator sets for the API."""

    public_urls: Sequence[str]
    """Without a path: the ways participants may write the DIP's own address in what they sign."""
    tolerance: timedelta
    max_body_bytes: int
    body_timeout: timedelta
    allows_private_webhooks: bool
    accept: AcceptRules


@dataclass(frozen=True, slots=True)
class Replaying:
    """What replays need: the channels, how much one answer holds, and how many may be under way."""

    channels: Mapping[str, ReplayChannel]
    limits: PageLimits
    slots: ReplaySlots


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Made once a process, shared by all requests."""

    pool: Pool
    get_market: Callable[[], Market]
    get_trust: Callable[[], TrustStore]
    channels: Mapping[str, AcceptingChannel]
    statuses: StatusSchema
    receivers: Mapping[str, frozenset[str]]
    """Channel to every role that any of its messages goes to."""
    versions: frozenset[str]
    """The path versions that are served, without a leading v."""
    rules: ApiRules
    budget: BodyBudget
    replays: Replaying
