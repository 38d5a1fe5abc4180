"""The settings, read once: from the defaults, then the `settings.toml` of the home, then `DIP_*` variables.

Each says here what it is for; `docs/settings.md` is generated from that.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opendip.domain.homes import Home
from opendip.domain.problems import Problem

ENVIRONMENTS = ("DEV", "UIT", "SIT", "SITB", "PRD")
"""The tags of the environments there are (data type DT-013)."""
_PREFIX = "DIP_"
_MIB = 1024 * 1024
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class UnusableSetting(Problem):
    """A setting is not one that can be used; the text says which, where it stands and what is expected."""


def _setting(default: Any, doc: str, *, least: float | None = None, is_secret: bool = False) -> Any:
    metadata = {"doc": doc, "least": least, "is_secret": is_secret}
    return field(default=default, metadata=metadata, repr=not is_secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of a home, in force for as long as the process runs."""

    home: Path
    environment: str = _setting(
        "SIT",
        "The market environment this DIP serves: DEV, UIT, SIT, SITB or PRD. Messages with another tag "
        "are refused. Chosen once, by `dip init`: the certificates name it.",
    )
    dip_id: str = _setting("0000000000", "The DIP id of the DIP itself, as its certificates name it.")
    database_url: str = _setting(
        "",
        "A PostgreSQL server of your own, version 16 or later, such as `postgresql://dip:secret@db/dip`. "
        "Empty: the home's embedded one.",
        is_secret=True,
    )
    api_host: str = _setting("127.0.0.1", "The address the participant API listens on; `0.0.0.0` for all.")
    api_port: int = _setting(8443, "The port the participant API listens on.", least=1)
    public_url: str = _setting(
        "",
        "The URL participants call and sign, without a path, when a proxy stands before the API. "
        "Empty: `https://localhost:<api_port>` and `https://127.0.0.1:<api_port>`.",
    )
    public_url_aliases: tuple[str, ...] = _setting((), "Other URLs under which participants may call and sign.")
    api_processes: int = _setting(1, "How many API processes `dip serve` runs.", least=1)
    worker_processes: int = _setting(1, "How many worker processes `dip serve` runs.", least=1)
    max_body_bytes: int = _setting(256 * _MIB, "The largest body of one call; a larger one is answered 413.", least=1)
    max_in_flight_bytes: int = _setting(
        1024 * _MIB,
        "How many bytes of bodies one API process holds at a time; calls beyond that wait to be read. "
        "An eighth is kept for small ones.",
        least=1,
    )
    max_messages: int = _setting(50_000, "The most messages of one call (E2E 4.4).", least=1)
    max_replayed_messages: int = _setting(
        50_000, "The most messages of one answer to a replay (E2E 4.9); the rest is for the next.", least=1
    )
    requeued_at_a_time: int = _setting(
        5_000, "About how many messages a requeue puts on queues in one transaction.", least=1
    )
    body_timeout_seconds: float = _setting(
        120, "How long a body may take to arrive, at an even pace after the first ten seconds; then 408.", least=1
    )
    signature_tolerance_seconds: float = _setting(
        300, "How far the date of a signature may be from the DIP's clock, either way.", least=1
    )
    allow_private_webhooks: bool = _setting(
        False, "Whether webhooks may be at private and local addresses. For trials on one machine only."
    )
    webhook_connect_timeout_seconds: float = _setting(10, "How long connecting to a webhook may take.", least=0.1)
    webhook_answer_timeout_seconds: float = _setting(60, "How long a webhook may take to answer a delivery.", least=0.1)
    retry_base_seconds: float = _setting(
        1,
        "The first pause before another attempt at a delivery is at most so long; it doubles. "
        "For one channel: `dip channel set`.",
        least=0.01,
    )
    retry_ceiling_seconds: float = _setting(300, "The longest pause between two attempts.", least=0.01)
    dead_letter_after_days: float = _setting(
        14,
        "How long a message is tried to be delivered; then it is a dead letter and its sender is told (FS 5.5.8). "
        "`dip channel set` sets another time, and other pauses, for one channel.",
        least=0.00001,
    )
    breaker_failures: int = _setting(
        5, "After so many failures in a row, or half of the last 20, nothing is sent to a webhook for a while.", least=1
    )
    breaker_pause_seconds: float = _setting(
        5, "How long that is the first time; then one batch is tried. It doubles while that fails.", least=0.01
    )
    breaker_ceiling_seconds: float = _setting(300, "The longest such pause.", least=0.01)
    recipient_concurrency: int = _setting(
        8, "How many of one recipient's queues one worker delivers at a time, of its 512 in all.", least=1
    )
    lease_seconds: float = _setting(
        20,
        "How long the queues of a worker that has died wait for another; leases are renewed four times as often.",
        least=1,
    )
    default_max_message_count: int = _setting(
        1000, "The most messages of one delivery, unless the webhook says otherwise.", least=1
    )
    default_max_payload_bytes: int = _setting(
        8 * _MIB, "The most bytes of one delivery, unless the webhook says otherwise.", least=1
    )
    service_ticket_url: str = _setting(
        "",
        "How the addresses of pages for service tickets begin (serviceTicketURL): the transaction id is appended, "
        "so end it as in `https://tickets.example.org/new?transaction=`.",
    )
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Setting to where its value stands; one that is not here has its default."""

    @property
    def public_urls(self) -> tuple[str, ...]:
        """The URLs a participant may sign, without a path and without a trailing slash."""
        own = (
            (self.public_url,)
            if self.public_url
            else tuple(f"https://{host}:{self.api_port}" for host in ("localhost", "127.0.0.1"))
        )
        return tuple(url.rstrip("/") for url in (*own, *self.public_url_aliases))


def load_settings(home: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of a home; `UnusableSetting` says what is wrong with one."""
    path = Home(home.resolve()).settings_file
    return make_settings(home, _read_file(path), str(path), environ)


def make_settings(home: Path, given: Mapping[str, Any], where: str, environ: Mapping[str, str]) -> Settings:
    """The settings as given somewhere (`where`: a file, the command line) and in the environment, which wins."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, value in given.items():
        values[name], sources[name] = _take(_find_field(name, where), value, f"{where}, {name}"), where
    for name, text in _read_environment(environ).items():
        variable = _PREFIX + name.upper()
        wanted = _find_field(name, "the environment")
        values[name], sources[name] = _take(wanted, _parse(wanted, text, variable), variable), variable
    settings = Settings(home=home.resolve(), sources=sources, **values)
    _check_together(settings)
    return settings


def list_fields() -> list[Field[Any]]:
    """The settings there are, in the order people read them."""
    return [candidate for candidate in fields(Settings) if "doc" in candidate.metadata]


def to_toml(value: Any) -> str:
    # What JSON writes for texts, numbers, truth values and lists of texts is TOML as well.
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UnusableSetting(f"{path} cannot be read as TOML: {fault}.") from None


def _read_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    known = {each.name for each in list_fields()}
    found = {n.removeprefix(_PREFIX).lower(): text for n, text in environ.items() if n.startswith(_PREFIX)}
    # Somebody else's DIP_SOMETHING is no business of ours, but a slip of the pen must not pass in silence.
    for name in found.keys() - known - {"home"}:
        if near := get_close_matches(name, known, n=1, cutoff=0.8):
            variable = _PREFIX + name.upper()
            raise UnusableSetting(f"{variable} is no setting. Did you mean {_PREFIX}{near[0].upper()}?")
    return {name: text for name, text in found.items() if name in known}


def _find_field(name: str, where: str) -> Field[Any]:
    known = {each.name: each for each in list_fields()}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    advice = f"Did you mean {near[0]}?" if near else "`dip settings` lists those there are."
    raise UnusableSetting(f"{where}: there is no setting {name}. {advice}")


def _find_kind(wanted: Field[Any]) -> type:
    return wanted.type if wanted.type in (bool, int, float, str) else tuple


def _parse(wanted: Field[Any], text: str, where: str) -> Any:
    try:
        match _find_kind(wanted):
            case kind if kind is bool:
                return {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}[text.strip().lower()]
            case kind if kind is int or kind is float:
                return kind(text)
            case kind if kind is tuple:
                return [part.strip() for part in text.split(",") if part.strip()]
            case _:
                return text
    except (KeyError, ValueError):
        raise _refuse(wanted, where) from None


def _take(wanted: Field[Any], value: Any, where: str) -> Any:
    kind = _find_kind(wanted)
    if kind is tuple:
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise _refuse(wanted, where)
        return tuple(value)
    accepted = (int, float) if kind is float else (kind,)
    least = wanted.metadata["least"]
    if type(value) not in accepted or (least is not None and not value >= least):
        raise _refuse(wanted, where)
    return value


_EXPECTED: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list of texts",
}


def _refuse(wanted: Field[Any], where: str) -> UnusableSetting:
    expected = _EXPECTED[_find_kind(wanted)]
    least = wanted.metadata["least"]
    bound = f" of at least {least}" if least is not None else ""
    return UnusableSetting(f"{where}: {expected}{bound} is expected, such as {to_toml(wanted.default)}.")


def _check_together(settings: Settings) -> None:
    if settings.environment not in ENVIRONMENTS:
        raise UnusableSetting(f"environment is none there is. Choose one of {', '.join(ENVIRONMENTS)}.")
    if settings.api_port > 65535:
        raise UnusableSetting("api_port is beyond 65535, the last port there is.")
    if not (settings.dip_id.isascii() and settings.dip_id.isdigit() and len(settings.dip_id) == 10):
        raise UnusableSetting("dip_id must be ten digits, such as 0000000000.")
    for url in settings.public_urls:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.netloc or parts.path or parts.query:
            raise UnusableSetting("public_url and its aliases are https://host[:port], without a path.")
