"""What the shield's tests share: the node's reviewers, a partner, and a message to begin with."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.desks.people import viewer
from tocsin.desks.shield.actions.receiving import Brought, receive_message
from tocsin.desks.shield.models import Group, Message
from tocsin.node.store import Store
from tocsin.office.models import Party
from tocsin.office.people.viewer import Viewer

BASIS = "an act of the tests, article 1"
LURE = "https://mybank-login.example/pay?id=7"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch, settings: Any, store: Store) -> None:
    from django.conf import settings as real

    monkeypatch.setattr(real._wrapped, "SECRET_KEY", "x" * 60)
    settings.STORE = store.path


@pytest.fixture
def people(parties: None, at: datetime) -> Callable[[str], Viewer]:
    """`people("rita")`: a reviewer of the node of that name."""
    Party.objects.filter(slug="csirt-be").update(runs_node=True)

    def reviewer(name: str) -> Viewer:
        return viewer("csirt-be", "shield.propose", "shield.review", at=at, name=name)

    return reviewer


@pytest.fixture
def send(parties: None, store: Store, at: datetime) -> Callable[..., Message]:
    """`send(text)`: somebody reports it."""

    def receive(text: str = LURE, *, at: datetime = at, **words: Any) -> Message:
        brought = Brought(text=text, **words)
        return receive_message(brought, by="public", at=at, store_folder=store.path)

    return receive


@pytest.fixture
def group(send: Callable[..., Message]) -> Group:
    """The group of one message that leads to the lure."""
    send()
    return Group.objects.get(key="mybank-login.example")
