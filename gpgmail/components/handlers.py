"""Who is called for an event of a component: one handler an event type."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gpgmail.core.events import Event
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E", bound=Event)


class HandlerTable:
    """Holds the handlers that the generated `on_x` properties set."""

    def handler_of(self, event: type[E]) -> Callable[[E], object] | None:
        """Return the handler of an event type, or None."""
        return self._table().get(event)

    def handle(self, event: type[E], handler: Callable[[E], object] | None) -> None:
        """Set the handler of an event type; None removes it.

        Raises:
            UsageError: If it cannot be called.
        """
        if handler is None:
            self._table().pop(event, None)
        elif callable(handler):
            self._table()[event] = handler
        else:
            raise Situation.BAD_VALUE.error(
                f"takes a callable or None, not {type(handler).__name__}", subject=event.handler
            )

    def hears(self, event: type[Event]) -> bool:
        """Tell whether an event type has a handler."""
        return event in self._table()

    def fire(self, event: Event) -> None:
        """Call the handler of *event*, if there is one."""
        handler = self._table().get(type(event))
        if handler is not None:
            handler(event)

    def _table(self) -> dict[type[Event], Callable[..., object]]:
        return self.__dict__.setdefault("_handlers", {})  # type: ignore[no-any-return]
