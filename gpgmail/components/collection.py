"""`Collection`: the typed lists of the component face, which grow and shrink by count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar, overload

from gpgmail.core.situations import Situation

T = TypeVar("T")


class Collection(Generic[T]):
    """A list of one type; setting `count` makes empty items or drops the last ones."""

    def __init__(
        self, kind: type[T], make: Callable[[], T], changed: Callable[[], None], name: str
    ) -> None:
        self._kind = kind
        self._make = make
        self._changed = changed
        self._name = name
        self._items: list[T] = []

    def append(self, item: T) -> None:
        """Add an item at the end.

        Raises:
            UsageError: If it is of another type.
        """
        self._items.append(self._accept(item))
        self._changed()

    def clear(self) -> None:
        """Drop every item."""
        self._items.clear()
        self._changed()

    @property
    def count(self) -> int:
        """The number of items."""
        return len(self._items)

    @count.setter
    def count(self, value: int) -> None:
        if type(value) is not int or value < 0:
            raise Situation.BAD_VALUE.error(
                f"takes a number of 0 or more, not {value!r}", subject=f"{self._name} count"
            )
        del self._items[value:]
        self._items.extend(self._make() for _ in range(value - len(self._items)))
        self._changed()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __getitem__(self, index: int) -> T:
        return self._items[self._index(index)]

    def __setitem__(self, index: int, item: T) -> None:
        self._items[self._index(index)] = self._accept(item)
        self._changed()

    def __delitem__(self, index: int) -> None:
        del self._items[self._index(index)]
        self._changed()

    def __repr__(self) -> str:
        return f"Collection({self._items!r})"

    def extend(self, items: Iterable[T]) -> None:
        """Add several items at the end."""
        for item in items:
            self.append(item)

    def _accept(self, item: T) -> T:
        if not isinstance(item, self._kind):
            raise Situation.BAD_VALUE.error(
                f"takes {self._kind.__name__}, not {type(item).__name__}", subject=self._name
            )
        return item

    def _index(self, index: int) -> int:
        if not 0 <= index < len(self._items):
            raise Situation.BAD_VALUE.error(
                f"has {len(self._items)} items, no index {index}", subject=self._name
            )
        return index


class Items(Generic[T]):
    """Declares a `Collection` on a component: `keys = Items(Key)`.

    The component's `_collection_changed(name)` is called after every change.
    """

    def __init__(self, kind: type[T], doc: str) -> None:
        self.kind = kind
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, obj: None, owner: type) -> Items[T]: ...
    @overload
    def __get__(self, obj: object, owner: type) -> Collection[T]: ...
    def __get__(self, obj: object | None, owner: type) -> Items[T] | Collection[T]:
        if obj is None:
            return self
        held: dict[str, Collection[T]] = obj.__dict__.setdefault("_collections", {})
        if self.name not in held:
            changed = getattr(obj, "_collection_changed")  # noqa: B009 - not part of object's type
            held[self.name] = Collection(
                self.kind, self.kind, lambda: changed(self.name), self.name
            )
        return held[self.name]

    def __set__(self, obj: object, value: Iterable[T]) -> None:
        collection = self.__get__(obj, type(obj))
        items = list(value)
        collection.clear()
        collection.extend(items)
