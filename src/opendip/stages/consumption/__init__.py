"""Consumption replay (E2E 5.1.7): requests on IF-015 lie in a queue of the DIP's own, and are answered on IF-016."""

from opendip.stages.consumption.answers import AnswerRules
from opendip.stages.consumption.reader import OwnQueues
from opendip.stages.consumption.replies import prepare_replies

__all__ = ["AnswerRules", "OwnQueues", "prepare_replies"]
