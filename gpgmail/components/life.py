"""The life of a component's message, as a table: step and act give the next step.

A pair that is not in the table is not possible then, and says so.
"""

from __future__ import annotations

from enum import StrEnum

from gpgmail.core.situations import Situation


class Step(StrEnum):
    """Where a message stands."""

    COMPOSE = "is not begun"
    PROTECTING = "is running"
    PROTECTED = "is done"
    FAILED = "failed"


class Act(StrEnum):
    """What happens to a message."""

    CHANGE = "change"  # text or attachments are set
    ADDRESS = "address"  # any other property is set
    PROTECT = "protect"
    SUCCEED = "finish"  # a protection did
    FAIL = "give up"  # a protection did not succeed
    SEND = "send"


TRANSITIONS = {
    (Step.COMPOSE, Act.CHANGE): Step.COMPOSE,
    (Step.COMPOSE, Act.ADDRESS): Step.COMPOSE,
    (Step.COMPOSE, Act.PROTECT): Step.PROTECTING,
    (Step.COMPOSE, Act.SEND): Step.COMPOSE,
    (Step.PROTECTING, Act.ADDRESS): Step.PROTECTING,
    (Step.PROTECTING, Act.SUCCEED): Step.PROTECTED,
    (Step.PROTECTING, Act.FAIL): Step.FAILED,
    (Step.PROTECTED, Act.CHANGE): Step.COMPOSE,
    (Step.PROTECTED, Act.ADDRESS): Step.PROTECTED,
    (Step.PROTECTED, Act.PROTECT): Step.PROTECTING,
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
