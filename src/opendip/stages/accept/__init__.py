"""Level 1: prove the sender, check the call and its messages, keep them, answer (E2E 4.4)."""

from opendip.stages.accept.answer import AcceptRules
from opendip.stages.accept.caller import Caller, CallHeaders, prove_caller, prove_content
from opendip.stages.accept.channels import AcceptingChannel, prepare_channels
from opendip.stages.accept.submission import accept

__all__ = [
    "AcceptRules",
    "AcceptingChannel",
    "CallHeaders",
    "Caller",
    "accept",
    "prepare_channels",
    "prove_caller",
    "prove_content",
]
