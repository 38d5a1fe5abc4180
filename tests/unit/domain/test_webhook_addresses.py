import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.domain.webhook_addresses import encode_host, find_url_fault, is_public_address

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "nonsense",
    "",
]
PUBLIC = [
    "1.1.1.1",
    "100.63.255.255",
    "172.32.0.1",
    "193.0.0.1",
    "2606:4700::1",
    "2a00:1450::1",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_of_the_internet_are_told(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_pass(address: str) -> None:
    assert is_public_address(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    wrappings = [
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(0x2002 << 112 | number << 80),
        ipaddress.IPv6Address(0x64FF9B << 96 | number),
    ]

    assert {is_public_address(str(wrapped)) for wrapped in wrappings} == {is_public_address(str(address))}


@given(st.ip_addresses())
def test_nothing_passes_that_python_does_not_hold_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    wrapped = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address in ipaddress.IPv6Network("64:ff9b::/96")
    )
    if is_public_address(str(address)) and not wrapped:
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/messages",
        "https://hooks.example.org:8443/messages?of=IF-021",
        "HTTPS://Hooks.Example.org/",
        "https://1.1.1.1/messages",
        "https://[2606:4700::1]/messages",
        "https://xn--bcher-kva.example.org/messages",
        "https://xn--ls8h0x7fx.com",
    ],
)
def test_a_public_https_url_is_accepted(url: str) -> None:
    assert find_url_fault(url) is None


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://hooks.example.org/", "https"),
        ("ftp://hooks.example.org/", "https"),
        ("hooks.example.org/messages", "https"),
        ("https:///messages", "no host"),
        ("https://somebody@hooks.example.org/", "user name"),
        ("https://somebody:secret@hooks.example.org/", "user name"),
        ("https://hooks.example.org/#here", "fragment"),
        ("https://hooks.example.org:0/", "port"),
        ("https://hooks.example.org:99999/", "cannot be read"),
        ("https://hooks.example.org/" + "a" * 2000, "longer"),
        ("https://hooks.example.org/a b", "space"),
        ("https://bücher.example.org/messages", "punycode"),
        ("https://hooks.example.org/bücher", "%XX"),
        ("https://hooks.example.org/\x1b[2J", "character"),
        ("https://hooks.example.org/\x9b2J", "character"),
        ("https://hooks.example.org/\u202egro", "character"),
        ("https://hooks.\u2066example.org/", "character"),
        ("https://hooks.exa\u00admple.org/", "character"),
        ("https://hooks.example.org\\@127.0.0.1/", "character"),
        ("https://hooks.example.org/\r\nX-Other: 1", "space"),
        ("https://-bad-.example.org/", "not a name"),
        ("https://a..example.org/", "not a name"),
        ("https://example.org../", "not a name"),
        ("https://.example.org/", "not a name"),
        ("https://a_b.example.org/", "not a name"),
        ("https://a%20b.example.org/", "not a name"),
        ("https://(a).example.org/", "not a name"),
        (f"https://{'a' * 64}.example.org/", "not a name"),
        ("https://localhost/", "local name"),
        ("https://inside.localhost/", "local name"),
        ("https://database/", "local name"),
        ("https://127.0.0.1/", "private"),
        ("https://127.1/", "number"),
        ("https://2130706433/", "number"),
        ("https://0x7f.0x1/", "number"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://[fe80::1%25eth0]/", "cannot be read|private|not a name"),
    ],
)
def test_any_other_url_is_refused_with_its_fault(url: str, word: str) -> None:
    fault = find_url_fault(url)

    assert fault is not None
    assert any(alternative in fault for alternative in word.split("|"))


@pytest.mark.parametrize("url", ["https://127.0.0.1:9443/messages", "https://localhost/", "https://receiver/"])
def test_private_places_are_accepted_where_the_settings_allow_them(url: str) -> None:
    assert find_url_fault(url, allow_private=True) is None


def test_allowing_private_places_allows_nothing_else() -> None:
    assert find_url_fault("http://127.0.0.1/", allow_private=True) is not None
    assert find_url_fault("https://127.1/", allow_private=True) is not None


def test_a_host_is_encoded_as_the_name_service_knows_it() -> None:
    assert encode_host("Bücher.Example.org.") == "xn--bcher-kva.example.org"
    assert encode_host("not a name") is None
