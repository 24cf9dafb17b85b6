"""Every test of leaks asks the same town, at noon."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.security import town as towns
from tocsin.node.store import Store


@pytest.fixture
def noon() -> Iterator[None]:
    """The clock stands still."""
    with towns.standing_clock():
        yield


@pytest.fixture
def town(
    db: None, noon: None, store: Store, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> towns.Town:
    """The node, its people, and one provider."""
    towns.prepare(store, monkeypatch, settings)
    return towns.build(store.path)


@pytest.fixture
def full(town: towns.Town) -> towns.Town:
    """With the other provider too."""
    towns.hide(town)
    return town


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand refusals are no news; slips of ours are."""
    caplog.set_level("ERROR", logger="django.request")
