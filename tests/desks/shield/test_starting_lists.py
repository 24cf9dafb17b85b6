"""What a new node knows of names before anybody filled its lists, and what it is told to fill."""

from collections.abc import Callable
from datetime import datetime

import pytest

from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Message
from tocsin.desks.shield.queries.known import KINDS, known
from tocsin.flow.scope import choose_scope
from tocsin.flow.urls import read_host
from tocsin.node.doctor.finding import Case, State
from tocsin.node.doctor.warning_lists import NEEDED, look
from tocsin.node.store import Store
from tocsin.office.people.viewer import Viewer
from tocsin.rules.listing import Caution, Scope
from tocsin.rules.starting_lists import STARTING

pytestmark = pytest.mark.django_db


def test_each_name_is_one_that_a_list_could_hold():
    assert set(STARTING) <= set(KINDS)
    for name in frozenset().union(*STARTING.values()):
        assert read_host(name) == (name, False)


@pytest.mark.parametrize(
    "url", ["https://bit.ly/3xample", "https://docs.google.com/forms/d/e/1", "https://t.co/a"]
)
def test_a_new_node_never_blocks_a_host_that_is_everybodys(url: str):
    assert choose_scope(url, lists=known().lists).scope is Scope.URL


def test_public_bodies_are_warned_of_on_a_new_node():
    assert "belgium.be" in known().lists.cautions[Caution.GOVERNMENT]


def test_whoever_lists_with_empty_lists_is_told_so_until_they_are_filled(
    send: Callable[[], Message], people: Callable[[str], Viewer], store: Store, at: datetime
):
    case = Case(store, at)
    assert list(look(case)) == []

    send()
    (told,) = look(case)
    for kind in NEEDED:
        add_names(
            people("rita"), kind=kind, values=f"{kind.replace('_', '-')}.example",
            brand="Sample Bank", at=at,
        )  # fmt: skip
    (then,) = look(case)

    assert told.state is State.NOTE
    assert told.what == (
        "lists that stop a mistaken listing are empty: always passes, essential, top site, "
        "brand own"
    )
    assert then.state is State.OK
