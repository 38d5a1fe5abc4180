"""Making the market as a market file says, all of it or nothing; whoever has no credentials is given some."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from opendip.catalogue import Catalogue, load
from opendip.domain.homes import get_home
from opendip.operations.address_files import AddressFile, RejectedLine
from opendip.operations.authority import Authorities, load_authorities
from opendip.operations.credentials import (
    CredentialsWish,
    IssuedCredentials,
    UnnamedHosts,
    issue_missing,
    list_unnamed_hosts,
)
from opendip.operations.entries import EntryReader
from opendip.operations.homes import reach_database
from opendip.operations.market_actions import act
from opendip.operations.market_checks import HeldRoles, find_held_roles, list_faults
from opendip.operations.market_files import MarketFile, read_market_file
from opendip.operations.market_plans import Step, plan_market
from opendip.store.addresses import LoadedAddresses, load_addresses
from opendip.store.market import read_market
from opendip.store.migrations import migrate
from opendip.store.pool import Connection, open_connection
from opendip.store.queries import load_queries

LOCAL_URLS = ("https://localhost", "https://127.0.0.1")
"""Where participants may be called without a word in the file, on a DIP for trials on one machine."""


@dataclass(frozen=True, slots=True)
class RejectedLines:
    """What was left out of an address file: how many lines, and the first of them."""

    path: Path
    count: int
    first: Sequence[RejectedLine]


@dataclass(slots=True)
class AppliedMarket:
    """What became of all that the file speaks of: by noun, how many were created, changed, removed, left."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    issued: Sequence[IssuedCredentials] = ()
    rejected: list[RejectedLines] = field(default_factory=list)
    unnamed_hosts: Sequence[UnnamedHosts] = ()

    def count(self, noun: str, counts: Mapping[str, int]) -> None:
        self.outcomes[noun].update(counts)


@dataclass(frozen=True, slots=True)
class MarketTools:
    """What applying a market needs beside the file and the database."""

    catalogue: Catalogue
    authorities: Authorities
    credentials: Path
    """The directory that gets a directory of credentials for each DIP id."""
    allow_private_webhooks: bool


async def apply_market_to_home(
    directory: Path,
    file: Path,
    credentials: Path,
    now: datetime,
    *,
    database_url: str = "",
    allow_private_webhooks: bool = False,
) -> AppliedMarket:
    """Apply a market file to a home, whether or not it is being served; its database is brought up to date."""
    home = get_home(directory)
    tools = MarketTools(load(), load_authorities(home.authorities), credentials, allow_private_webhooks)
    with reach_database(home.directory, database_url) as url:
        await migrate(url)
        async with open_connection(url, "dip market") as connection:
            return await apply_market(connection, file, tools, now)


async def apply_market(connection: Connection, file: Path, tools: MarketTools, now: datetime) -> AppliedMarket:
    """Make the market as the file says. Raises `FaultyFile`, with every fault, before anything is changed.

    Lines of address files that cannot be used are left out and told; the others are loaded.
    """
    reader = EntryReader(file)
    wanted = read_market_file(reader, allow_private_webhooks=tools.allow_private_webhooks)
    reader.refuse_if_faulty()
    async with connection.transaction():
        # One at a time: what is to change is worked out from what there is.
        await connection.execute(load_queries("market_changes")["lock_market"])
        market = await read_market(connection)
        reader.faults += list_faults(wanted, market)
        reader.refuse_if_faulty()
        done = AppliedMarket()
        steps = plan_market(wanted, market, tools.catalogue.channels.values())
        await _do_all(connection, steps, done, now)
        await _load_addresses(connection, wanted, find_held_roles(wanted, market), done)
        # Last, so that credentials are written when all else has gone well.
        wishes = _list_wishes(wanted, tools)
        done.issued = await issue_missing(connection, tools.authorities, tools.credentials, wishes, now)
        done.unnamed_hosts = await list_unnamed_hosts(connection, wishes, now)
        done.count("credentials", {"created": len(done.issued), "left": len(wishes) - len(done.issued)})
    return done


async def _do_all(connection: Connection, steps: Iterable[Step], done: AppliedMarket, now: datetime) -> None:
    for step in steps:
        if step.action is not None:
            await act(connection, step.action, now)
        done.count(step.noun, {step.outcome: 1})


async def _load_addresses(connection: Connection, wanted: MarketFile, held: HeldRoles, done: AppliedMarket) -> None:
    loaded = LoadedAddresses()
    if wanted.addresses:
        loaded += await load_addresses(connection, [address.row for address in wanted.addresses])
    for path in wanted.address_files:
        file = AddressFile(path, held)
        loaded += await load_addresses(connection, file)
        if file.rejected_count:
            done.rejected.append(RejectedLines(path, file.rejected_count, file.rejected))
    done.count("addresses", {"created": loaded.added, "changed": loaded.changed, "left": loaded.unchanged})


def _list_wishes(wanted: MarketFile, tools: MarketTools) -> list[CredentialsWish]:
    """One for each DIP id, with every host that its webhooks are at; a provider serves for whom it acts."""
    local = LOCAL_URLS if tools.allow_private_webhooks else ()
    urls: dict[str, set[str]] = defaultdict(lambda: set(local))
    organisations: dict[str, str] = {}
    for participant in wanted.participants:
        organisations[participant.dip_id] = participant.organisation
        hooks = participant.webhooks
        urls[participant.dip_id] |= {url for url in (hooks.messages, hooks.status) if url} if hooks else set()
    for provider in wanted.providers:
        organisations.setdefault(provider.dip_id, provider.organisation)
        urls[provider.dip_id] |= urls.get(provider.for_dip_id, set())
    return [CredentialsWish.make(dip_id, name, urls[dip_id]) for dip_id, name in organisations.items()]
