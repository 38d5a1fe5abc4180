"""The participant's side of the DIP: sign, send, receive, verify. Needs nothing of the server.

Register a webhook, send messages of one interface, and take what comes:

    async def main():
        credentials = Credentials.load("credentials/1109012345")

        async def take(batch: ReceivedBatch) -> dict[str, str]:
            return {}  # or {transaction id: "REG1020 - why that message is refused"}

        async with Receiver(credentials, port=8444, on_messages=take) as receiver:
            async with Sender(credentials, "https://127.0.0.1:8443") as sender:
                await sender.set_webhook("IF-021", f"{receiver.url}/messages")
                answer = await sender.send("IF-021", messages)
                print(answer.status, [entry.message for entry in answer.entries])
"""

from .batches import Delivery, ReceivedBatch, ReceivedStatuses
from .certificates import Purpose, Subject, UntrustedCertificate, get_fingerprint
from .credentials import Credentials, UnusableCredentials
from .receiver import Receiver
from .replaying import ReplayedBatch, ReplayRequest, RequeueStatus, StatusReplayRequest
from .retrying import Patience
from .sender import Answer, GaveUp, Refused, Sender
from .signing import BadSignature, MalformedSignature, SignatureError, content_hash, sign, signed_text, verify
from .trust import Signer, TrustStore
from .types import Header, ResponseEntry, StandardResponse
from .verifying import verify_call
from .webhook import MessageHandler, StatusHandler, TryLater

__all__ = [
    "Answer",
    "BadSignature",
    "Credentials",
    "Delivery",
    "GaveUp",
    "Header",
    "MalformedSignature",
    "MessageHandler",
    "Patience",
    "Purpose",
    "ReceivedBatch",
    "ReceivedStatuses",
    "Receiver",
    "Refused",
    "ReplayRequest",
    "ReplayedBatch",
    "RequeueStatus",
    "ResponseEntry",
    "Sender",
    "SignatureError",
    "Signer",
    "StandardResponse",
    "StatusHandler",
    "StatusReplayRequest",
    "Subject",
    "TrustStore",
    "TryLater",
    "UntrustedCertificate",
    "UnusableCredentials",
    "content_hash",
    "get_fingerprint",
    "sign",
    "signed_text",
    "verify",
    "verify_call",
]
