"""How a long step says that it goes on: what it does, and how many it did since the last word."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
# (step, how many more); nought says that the step begins.
Progress = Callable[[str, int], None]


_SEEN = 1000  # so rarely that counting costs nothing


def unseen(_step: str, _count: int) -> None:
    """Progress that nobody watches."""


def counted(items: Iterable[Item], progress: Progress, step: str) -> Iterator[Item]:
    """The items, and now and then how many more it were."""
    progress(step, 0)
    number = 0
    for number, item in enumerate(items, start=1):
        yield item
        if number % _SEEN == 0:
            progress(step, _SEEN)
    progress(step, number % _SEEN)
