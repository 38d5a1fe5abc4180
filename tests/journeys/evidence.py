"""What each caller signed is rebuilt from the archive, and its signature verifies (design 2)."""

import base64
import hashlib
from pathlib import Path

from cryptography import x509

from opendip.client import content_hash, signed_text, verify
from opendip.store.chunks import rebuild_body
from opendip.store.pool import open_connection


async def prove_evidence(database_url: str, home: Path | None = None) -> int:
    """Of every submission there is; answers how many there are. Those of the DIP's own need its home."""
    async with open_connection(database_url) as connection:
        submissions = await connection.fetch("select * from submission")
        for kept in submissions:
            query = "select content from chunk where submission = $1 order by number"
            body = rebuild_body(row["content"] for row in await connection.fetch(query, kept["id"]))
            assert hashlib.sha256(body).digest() == kept["content_hash"]
            query = "select pem from certificate where fingerprint = $1"
            pem = await connection.fetchval(query, kept["signing_certificate"])
            if pem is None and home is not None:
                pem = (home / "dip" / "signing.pem").read_text()
            key = x509.load_pem_x509_certificate(pem.encode()).public_key()
            text = signed_text(kept["method"], kept["url"], kept["signature_date"], content_hash(body))
            verify(base64.b64encode(kept["signature"]).decode(), text, key)
    return len(submissions)
