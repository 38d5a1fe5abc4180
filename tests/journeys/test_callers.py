"""Who may call: the TLS certificate, the API key and the signature must all say the same organisation.

E2E 4.4.4.1: a fault of the key or the signature is a 401, one of the TLS certificate a 403.
"""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from opendip.client import Credentials, signing
from opendip.client.certificates import Subject
from opendip.domain.homes import Home
from opendip.operations.authority import issue, load_authorities, revoke
from tests.journeys.answers import assert_accepted, assert_message_refused, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.market import DATA, REVOKED, SETTLEMENT, SHAPING, SUPPLIER
from tests.journeys.participants import encode_batch, get_path
from tests.journeys.waiting import eventually
from tests.journeys.wire import ask, write_call

HOUR = timedelta(hours=1)
SIGNING_CERTIFICATE = "X-DIP-Signature-Certificate"


class TestApiKey:
    async def test_a_call_without_one_is_refused(self, dip: Dip):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], without=["X-API-Key"])
        assert_refused(reply, 401, "MSG1009", "X-API-Key is missing")

    @pytest.mark.parametrize("key", ["unknown", " ", "k" * 5000, "dip_\u00e9"])
    async def test_one_that_was_never_issued_is_refused(self, dip: Dip, key: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], headers={"X-API-Key": key})
        assert_refused(reply, 401, "MSG1009", "API key")
        assert key not in reply.entry["help"] or key == " "

    async def test_one_of_another_organisation_is_refused(self, dip: Dip):
        stolen = dip.participants[SUPPLIER].api_key
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], headers={"X-API-Key": stolen})
        assert_refused(reply, 403, "MSG1000", "different organisations")

    async def test_one_of_another_dip_id_of_the_organisation_speaks_for_that_dip_id(self, dip: Dip):
        message = draft("REP-002", "DUOSSupplierAggData", sender=SETTLEMENT, role="MDS", mpan=None)
        key = dip.participants[SHAPING].api_key
        async with dip.creating_no_message():
            reply = await dip.participants[SETTLEMENT].send("REP-002", [message], headers={"X-API-Key": key})
        assert_message_refused(reply, "MSG1009", "not the DIP id of this API key")


class TestSigningCertificate:
    async def test_one_of_another_organisation_is_refused(self, dip: Dip):
        other = dip.participants[SUPPLIER].credentials
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], signer=other)
        assert_refused(reply, 401, "MSG1000", "different organisations")

    async def test_the_tls_certificate_is_none_for_signing(self, dip: Dip):
        place = dip.credentials / DATA
        key = serialization.load_pem_private_key((place / "tls.key").read_bytes(), None)
        async with dip.creating_nothing():
            reply = await send_signed_with(dip, key, (place / "tls.pem").read_bytes())
        assert_refused(reply, 401, "MSG1000", "signing certificate that was issued for this environment")

    async def test_an_expired_one_is_refused(self, dip: Dip):
        key, certificate = issue_signing_certificate(dip, datetime.now(UTC) - timedelta(days=400))
        async with dip.creating_nothing():
            reply = await send_signed_with(dip, key, certificate)
        assert_refused(reply, 401, "MSG1000", "expired")

    async def test_one_that_is_not_registered_is_refused(self, dip: Dip):
        key, certificate = issue_signing_certificate(dip, datetime.now(UTC))
        async with dip.creating_nothing():
            reply = await send_signed_with(dip, key, certificate)
        assert_refused(reply, 401, "MSG1000", "not one that is in force")

    async def test_one_on_the_revocation_list_is_refused(self, dip: Dip):
        authority = load_authorities(Home(dip.home).authorities).signing
        caller = dip.participants[REVOKED]
        certificate = caller.credentials.trust.get_signer(caller.credentials.certificate_header, datetime.now(UTC))
        revoke(authority, [certificate.certificate.serial_number], datetime.now(UTC))

        async def is_refused() -> bool:
            # The API key and the connection may be another's: the certificate itself is refused, whoever shows it.
            reply = await dip.participants[DATA].send("IF-021", [draft()], signer=caller.credentials)
            assert reply.status == 401
            return "has been revoked" in reply.entry["help"]

        await eventually(is_refused, "the revoked certificate is refused as such")

    @pytest.mark.parametrize(
        "garbage",
        ["", "x", "!!!!", base64.b64encode(b"garbage").decode(), base64.b64encode(b"\0" * 3000).decode(), "A" * 16_385],
    )
    async def test_garbage_is_refused(self, dip: Dip, garbage: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], headers={SIGNING_CERTIFICATE: garbage})
        assert_refused(reply, 401, "MSG1000", SIGNING_CERTIFICATE)

    async def test_a_huge_one_costs_the_connection_and_nothing_else(self, dip: Dip):
        caller = dip.participants[DATA]
        body = encode_batch([draft()])
        headers = {**caller.sign(get_path("IF-021"), body), SIGNING_CERTIFICATE: "A" * 10_000_000}
        async with dip.creating_nothing():
            answer = await ask(dip.port, caller.tls, write_call(get_path("IF-021"), body, headers))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 401")
        assert_accepted(await caller.send("IF-021", [draft()]))


def issue_signing_certificate(dip: Dip, at: datetime) -> tuple[rsa.RSAPrivateKey, bytes]:
    authority = load_authorities(Home(dip.home).authorities).signing
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = issue(authority, Subject(DATA, "Example Data Ltd"), key.public_key(), at)
    return key, certificate.public_bytes(serialization.Encoding.PEM)


async def send_signed_with(dip: Dip, key: rsa.RSAPrivateKey, pem: bytes):
    caller = dip.participants[DATA]
    path, body = get_path("IF-021"), encode_batch([draft()])
    header = signing.encode_certificate(pem)
    signed = signing.sign("POST", caller.base + path, body, key, header, datetime.now(UTC))
    return await caller.call(path, body, signed={**signed, "X-API-Key": caller.api_key})


class TestSignature:
    @pytest.mark.parametrize(
        "header",
        ["X-DIP-Signature", "X-DIP-Signature-Date", "X-DIP-Content-Hash", "X-DIP-Signature-Certificate"],
    )
    async def test_a_call_without_one_of_its_headers_is_refused(self, dip: Dip, header: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], without=[header])
        assert_refused(reply, 401, "MSG1000", f"The header {header} is missing")

    async def test_another_body_than_the_signed_one_is_refused(self, dip: Dip):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], sent=encode_batch([draft()]))
        assert_refused(reply, 401, "MSG1000", "X-DIP-Content-Hash")

    async def test_a_hash_that_was_not_signed_is_refused(self, dip: Dip):
        body = encode_batch([draft()])
        other = signing.content_hash(body + b" ")
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(
                get_path("IF-021"), body, headers={"X-DIP-Content-Hash": other}, sent=body + b" "
            )
        assert_refused(reply, 401, "MSG1000", "does not match")

    @pytest.mark.parametrize(
        "url",
        [
            "https://dip.example.org/2.1.0/dip-channel/IF-021",
            "https://127.0.0.1/2.1.0/dip-channel/IF-021",
            "{base}/2.1.0/dip-channel/IF-024",
            "{base}/1.1/dip-channel/IF-021",
            "{base}/2.1.0/dip-channel/IF-021?a=b",
            "/2.1.0/dip-channel/IF-021",
        ],
    )
    async def test_another_url_than_the_called_one_is_refused(self, dip: Dip, url: str):
        caller = dip.participants[DATA]
        body = encode_batch([draft()])
        signed = caller.credentials.sign("POST", url.format(base=dip.base), body, datetime.now(UTC))
        async with dip.creating_nothing():
            reply = await caller.call(get_path("IF-021"), body, signed={**signed, "X-API-Key": caller.api_key})
        assert_refused(reply, 401, "MSG1000", "whole public one")

    async def test_a_query_is_part_of_the_signed_url(self, dip: Dip):
        path = get_path("IF-021") + "?trial=A"
        assert_accepted(await dip.participants[DATA].call(path, encode_batch([draft()])))

    async def test_another_method_than_the_called_one_is_refused(self, dip: Dip):
        caller = dip.participants[DATA]
        body = encode_batch([draft()])
        signed = caller.sign(get_path("IF-021"), body, "PUT")
        reply = await caller.call(get_path("IF-021"), body, signed=signed)
        assert_refused(reply, 401, "MSG1000", "does not match")

    @pytest.mark.parametrize("distance", [-HOUR, HOUR, timedelta(minutes=-6), timedelta(minutes=6)])
    async def test_a_date_beyond_the_tolerance_is_refused(self, dip: Dip, distance: timedelta):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], at=datetime.now(UTC) + distance)
        assert_refused(reply, 401, "MSG1000", "more than 5 minutes from the DIP's clock")

    @pytest.mark.parametrize("distance", [timedelta(minutes=-3), timedelta(minutes=3)])
    async def test_a_date_within_the_tolerance_is_accepted(self, dip: Dip, distance: timedelta):
        assert_accepted(await dip.participants[DATA].send("IF-021", [draft()], at=datetime.now(UTC) + distance))

    @pytest.mark.parametrize(
        "date", ["yesterday", "2026-03-21", "2026-13-21T19:05:00.000Z", "2026-03-21T19:05:00.000", "9" * 41]
    )
    async def test_a_date_that_is_none_is_refused(self, dip: Dip, date: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], headers={"X-DIP-Signature-Date": date})
        assert_refused(reply, 401, "MSG1000", "X-DIP-Signature-Date")

    async def test_a_call_is_not_answered_to_someone_else_who_copies_its_signature(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft()])
        signed = caller.sign(get_path("IF-021"), body)
        assert_accepted(await caller.call(get_path("IF-021"), body, signed=signed))
        copied = {**signed, "X-API-Key": dip.participants[SUPPLIER].api_key}
        reply = await dip.participants[SUPPLIER].call(get_path("IF-021"), body, signed=copied)
        assert_refused(reply, 401, "MSG1000", "different organisations")


async def test_credentials_never_appear_in_a_log(dip: Dip):
    secrets = [p.api_key for p in dip.participants.values()]
    certificate = Credentials.load(dip.credentials / DATA).certificate_header
    for log in dip.home.parent.glob("*.log"):
        text = await asyncio.to_thread(log.read_text)
        assert certificate not in text
        assert not any(secret in text for secret in secrets)
