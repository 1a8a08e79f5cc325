"""`Collection`: the typed lists of the component face, which grow and shrink by count.

Whoever owns one is asked before every change, so that he can say no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")


class Collection(Generic[T]):
    """A list of one type; setting `count` makes empty items or drops the last ones."""

    def __init__(
        self,
        kind: type[T],
        changing: Callable[[], None],
        name: str,
        items: Iterable[T] = (),
        *,
        placed: Callable[[list[T]], None] | None = None,
    ) -> None:
        self._kind = kind
        self._changing = changing
        self._placed = placed
        self._name = name
        self._items = list(items)

    def append(self, item: T) -> None:
        """Add an item at the end.

        Raises:
            UsageError: If it is of another type.
        """
        self.extend((item,))

    def extend(self, items: Iterable[T]) -> None:
        """Add several items at the end; raises what `append` does, and then adds none."""
        self._put(slice(len(self._items), None), items)

    def clear(self) -> None:
        """Drop every item."""
        self._put(slice(None), ())

    @property
    def count(self) -> int:
        """The number of items.

        Raises:
            UsageError: If it is set to anything but a number of 0 or more.
        """
        return len(self._items)

    @count.setter
    def count(self, value: int) -> None:
        if type(value) is not int or value < 0:
            raise Situation.BAD_VALUE.error(
                f"takes a number of 0 or more, not {value!r}", subject=f"{self._name} count"
            )
        missing = value - len(self._items)
        self._put(slice(min(value, len(self._items)), None), [self._kind() for _ in range(missing)])

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._items))

    def __getitem__(self, index: int) -> T:
        return self._items[self._index(index)]

    def __setitem__(self, index: int, item: T) -> None:
        index = self._index(index)
        self._put(slice(index, index + 1), (item,))

    def __delitem__(self, index: int) -> None:
        index = self._index(index)
        self._put(slice(index, index + 1), ())

    def __repr__(self) -> str:
        return f"Collection({self._items!r})"

    def replace(self, items: Iterable[T]) -> None:
        """Put *items* in the place of all; raises what `append` does, and then changes nothing."""
        self._put(slice(None), items)

    def _put(self, where: slice, items: Iterable[T]) -> None:
        accepted = [self._accept(item) for item in items]
        self._changing()
        self._items[where] = accepted
        if self._placed is not None:
            self._placed(accepted)

    def _accept(self, item: T) -> T:
        if not isinstance(item, self._kind):
            raise Situation.BAD_VALUE.error(
                f"takes {self._kind.__name__}, not {type(item).__name__}", subject=self._name
            )
        return item

    def _index(self, index: int) -> int:
        if type(index) is not int or not 0 <= index < len(self._items):
            raise Situation.BAD_VALUE.error(
                f"has {len(self._items)} items, no index {index!r}", subject=self._name
            )
        return index


class Owner:
    """What has collections."""

    def _collection_changing(self, name: str) -> None:
        """Say no to a change of the collection *name*, or take note of it; components do."""

    def _collection_placed(self, name: str, items: Sequence[object]) -> None:
        """Take note of *items* that came into the collection *name*; components do."""

    def _clear_collections(self) -> None:
        held: dict[str, Collection[Any]] = self.__dict__.get("_collections", {})
        for collection in held.values():
            collection.clear()


class Items(Generic[T]):
    """Declares a `Collection` on a component: `keys = Items(Key, "doc")`."""

    def __init__(self, kind: type[T], doc: str) -> None:
        self._kind = kind
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, obj: None, owner: type) -> Items[T]: ...
    @overload
    def __get__(self, obj: Owner, owner: type) -> Collection[T]: ...
    def __get__(self, obj: Owner | None, owner: type) -> Items[T] | Collection[T]:
        if obj is None:
            return self
        held: dict[str, Collection[T]] = obj.__dict__.setdefault("_collections", {})
        if self._name not in held:
            held[self._name] = Collection(
                self._kind,
                lambda: obj._collection_changing(self._name),  # noqa: SLF001 - asked of it
                self._name,
                placed=lambda items: obj._collection_placed(self._name, items),  # noqa: SLF001
            )
        return held[self._name]

    def __set__(self, obj: Owner, value: Iterable[T]) -> None:
        self.__get__(obj, type(obj)).replace(value)
