"""The life of a component's message, as a table: step and event give the next step.

A pair that is not in the table is not possible then, and says so.
"""

from __future__ import annotations

from enum import StrEnum

from gpgmail.core.situations import Situation


class Step(StrEnum):
    """Where a message stands."""

    COMPOSE = "composed"
    PROTECTED = "protected"
    FAILED = "failed"


class Act(StrEnum):
    """What happens to a message."""

    CHANGE = "change"  # text or attachments are set
    ADDRESS = "address"  # other headers and recipients are set
    PROTECT = "protect"
    FAIL = "fail"  # a protection did not succeed
    SEND = "send"


TRANSITIONS = {
    (Step.COMPOSE, Act.CHANGE): Step.COMPOSE,
    (Step.COMPOSE, Act.ADDRESS): Step.COMPOSE,
    (Step.COMPOSE, Act.PROTECT): Step.PROTECTED,
    (Step.COMPOSE, Act.FAIL): Step.FAILED,
    (Step.COMPOSE, Act.SEND): Step.COMPOSE,
    (Step.PROTECTED, Act.CHANGE): Step.COMPOSE,
    (Step.PROTECTED, Act.ADDRESS): Step.PROTECTED,
    (Step.PROTECTED, Act.PROTECT): Step.PROTECTED,
    (Step.PROTECTED, Act.FAIL): Step.FAILED,
    (Step.PROTECTED, Act.SEND): Step.PROTECTED,
    (Step.FAILED, Act.CHANGE): Step.COMPOSE,
    (Step.FAILED, Act.ADDRESS): Step.FAILED,
}


def advance(step: Step, act: Act) -> Step:
    """Return the step that *act* leads to.

    Raises:
        StateError: If *act* is not possible at *step*.
    """
    try:
        return TRANSITIONS[step, act]
    except KeyError:
        raise Situation.MESSAGE_LIFE.error(
            f"cannot {act} a message whose protection {step}", subject="message"
        ) from None
