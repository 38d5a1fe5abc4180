"""What was sent, again: replayed in an answer, or put on its queue once more (E2E 4.9, FS 5.5.11)."""

from opendip.stages.replay.calls import answer_once
from opendip.stages.replay.channels import ReplayChannel, prepare_channels
from opendip.stages.replay.jobs import PageDone, Requeueing, RequeueRunner
from opendip.stages.replay.pages import PageLimits, choose_page, encode_page
from opendip.stages.replay.requeueing import prepare_messages, requeue_named, start_requeue
from opendip.stages.replay.selection import select
from opendip.stages.replay.statuses import STATUSES

__all__ = [
    "STATUSES",
    "PageDone",
    "PageLimits",
    "ReplayChannel",
    "RequeueRunner",
    "Requeueing",
    "answer_once",
    "choose_page",
    "encode_page",
    "prepare_channels",
    "prepare_messages",
    "requeue_named",
    "select",
    "start_requeue",
]
