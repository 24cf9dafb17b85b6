"""Texts that only SQLite takes, on PostgreSQL."""

import pytest
from django.db import connection

from tests.conftest import on_database
from tocsin.node.postgres.base import storable
from tocsin.node.store import open_store
from tocsin.office.models import Party, RegisterRow

NASTY = "a\0b\ud800c"


@pytest.fixture
def node(own_database, postgres_url, django_db_blocker, tmp_path):
    """A store on PostgreSQL, whatever the suite runs on."""
    with on_database(postgres_url):
        yield open_store(tmp_path / "store")


def test_what_postgresql_does_not_take_is_kept_harmless_and_looked_for_in_vain(node, at) -> None:
    RegisterRow(at=at, actor=NASTY, action="a:b:c", facts={NASTY: [NASTY, 1, None]}).save()
    row = RegisterRow.objects.get()

    assert connection.vendor == "postgresql"
    assert (row.actor, row.facts) == ("a�b?c", {"a�b?c": ["a�b?c", 1, None]})
    assert list(Party.objects.filter(slug="\0")) == []
    assert list(RegisterRow.objects.filter(facts__x="\0")) == []
    assert not RegisterRow.objects.filter(actor__startswith="\0", action__in=["\0", "x"]).exists()


@pytest.mark.parametrize(
    "text", ["", "ä", "🛎", "\\u0000", "\\\\u0000", "\\ud800", "'; --", "%s", "\n"]
)
def test_every_other_text_stays_as_it_is(node, at, text) -> None:
    RegisterRow(at=at, actor=text, action="a:b:c", facts={"x": [text], text: 1}).save()

    row = RegisterRow.objects.get(actor=text, facts__x=[text])
    assert (row.actor, row.facts) == (text, {"x": [text], text: 1})


def test_texts_are_made_storable_however_deep_they_lie() -> None:
    assert storable({"\0": ["\0", ("\0",), 7, None, True]}) == {"�": ["�", ["�"], 7, None, True]}
