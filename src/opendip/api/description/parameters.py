"""Parameters and headers: those in paths, those of every signed call, those of some."""

from collections.abc import Mapping
from typing import Any

from opendip.api.description.call import CONTINUATION, RETRY_AFTER, Parameter
from opendip.catalogue import Catalogue
from opendip.client.signing import CONTENT_HASH, SIGNATURE, SIGNATURE_CERTIFICATE, SIGNATURE_DATE

SIGNED = (CONTENT_HASH, SIGNATURE_DATE, SIGNATURE, SIGNATURE_CERTIFICATE)
"""On every call, both ways."""
ON_DELIVERY = "X-DIP-MPO"


def make_parameters(catalogue: Catalogue, versions: tuple[str, ...]) -> Mapping[str, Parameter]:
    """By the names of components; a part of a path is named as it is in the path."""
    both = [form for version in versions for form in (version, f"v{version}")]
    found = (
        Parameter("version", "path", "The version of the API, or of the catalogue.", {"type": "string", "enum": both}),
        Parameter("id", "path", "The channel.", {"type": "string", "enum": list(catalogue.channels)}),
        Parameter(
            "recipient_id",
            "path",
            "Your own DIP id, or that of a participant that has nominated you as its connection provider.",
            {"type": "string", "pattern": "^[0-9]{10}$"},
        ),
        Parameter(CONTENT_HASH, "header", "SHA-256 of the body's bytes as they are sent, in base64."),
        Parameter(
            SIGNATURE_DATE, "header", "When it was signed: UTC with milliseconds, such as 2026-03-21T19:05:00.000Z."
        ),
        Parameter(
            SIGNATURE,
            "header",
            "RSA PKCS#1 v1.5 with SHA-256, in base64, over METHOD;url;date;hash: the method in capitals, the whole "
            "public URL in lower case, date and hash as in their headers.",
        ),
        Parameter(SIGNATURE_CERTIFICATE, "header", "The PEM text of the signing certificate, in base64 on one line."),
        Parameter(
            ON_DELIVERY,
            "header",
            "Whom the delivery is for: its DIP id and role.",
            is_required=False,
        ),
        Parameter(
            CONTINUATION,
            "header",
            "To go on where an answer ended: the token it came with, and the same request again.",
            {"type": "string", "format": "uuid"},
            is_required=False,
        ),
        Parameter(
            "requeue-id",
            "query",
            "The requeue that is asked about; left out: the latest.",
            is_required=False,
        ),
    )
    return {parameter.name: parameter for parameter in found}


HEADERS: Mapping[str, Mapping[str, Any]] = {
    RETRY_AFTER: {"description": "After how many seconds to call again.", "schema": {"type": "integer", "minimum": 0}},
    CONTINUATION: {"description": "Sent back with the same request, it goes on here.", "schema": {"type": "string"}},
}
"""Headers of answers, by the names of components."""
