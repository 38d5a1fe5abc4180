"""Where a webhook may be: what its URL must look like, and which network addresses are public.

Checked when a webhook is set, and again at every delivery on the addresses its name resolves to by then.
"""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 2000

# Python's `is_global` differs between releases and leaves multicast and the wrappers of IPv4 to us, so the
# special-purpose blocks of the IANA registries (RFC 6890) are written out.
_CLOSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata services of the clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "168.63.129.16/32",  # a cloud's platform services, in otherwise public space
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, with Teredo
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_SIX_TO_FOUR = IPv6Network("2002::/16")
_NAT64 = IPv6Network("64:ff9b::/96")

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*\Z")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")


def is_public_address(address: str) -> bool:
    """Whether an IP address is one of the public internet; one inside an IPv6 address counts as itself."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    embedded = parsed if isinstance(parsed, IPv4Address) else _find_embedded(parsed)
    if embedded is not None:
        return not any(embedded in block for block in _CLOSED_V4)
    return parsed in _GLOBAL_V6 and not any(parsed in block for block in _CLOSED_V6)


def _find_embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


def find_url_fault(url: str, *, allow_private: bool = False) -> str | None:
    """What is wrong with a webhook's URL, for people; None when nothing is. A name is not resolved here."""
    if len(url) > MAX_URL_LENGTH:
        return f"it is longer than {MAX_URL_LENGTH:,} characters"
    if not _CHARACTERS.match(url):
        return (
            "it holds a space or another character that no URL may hold (RFC 3986); a host in other letters is written "
            "in punycode (xn--…), other characters as %XX"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it cannot be read as a URL"
    return _find_part_fault(parts, port) or _find_host_fault(host or "", allow_private=allow_private)


def _find_part_fault(parts: SplitResult, port: int | None) -> str | None:
    if parts.scheme.lower() != "https":
        return "it must begin with https://"
    if parts.username is not None or parts.password is not None:
        return "it must not hold a user name or a password"
    if parts.fragment:
        return "it must not hold a fragment (#…)"
    return "its port is not between 1 and 65535" if port == 0 else None


def _find_host_fault(host: str, *, allow_private: bool) -> str | None:
    if not host:
        return "it names no host"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _find_name_fault(host, allow_private=allow_private)
    if not allow_private and not is_public_address(host):
        return "its address is private, local or reserved, and this DIP takes public ones only"
    return None


def _find_name_fault(host: str, *, allow_private: bool) -> str | None:
    name = encode_host(host)
    if name is None:
        return (
            "its host is not a name of the internet: labels of up to 63 letters, digits and hyphens, with dots between"
        )
    labels = name.split(".")
    # The C library reads 127.1, 2130706433 and 0x7f.1 as addresses; a name's last label is never a number.
    if _NUMERIC.match(labels[-1]):
        return "its host looks like a number; write the address in full"
    if not allow_private and (labels[-1] == "localhost" or len(labels) == 1):
        return "its host is a local name, and this DIP takes public ones only"
    return None


def encode_host(host: str) -> str | None:
    """A host name as the name service knows it: lower case, IDNA (`xn--…`); None when it is no host name."""
    try:
        name = host.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    is_name = len(name) <= 253 and all(_LABEL.match(label) for label in name.split("."))
    return name if is_name else None
