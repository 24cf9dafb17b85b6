"""What is refused about scopes and groups, and what warns, is said in the reader's language."""
# ruff: noqa: E501 - what is said stands on one line

from collections.abc import Callable
from datetime import datetime

import pytest
from django.utils import translation

from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.deciding import approve, reject_group, step_listing
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Group, Message
from tocsin.office.people.viewer import Viewer
from tocsin.office.sentences import said
from tocsin.words.errors import TocsinError

People = Callable[[str], Viewer]
PAGE = "https://shop.pages.example/pay"


def in_(language: str, text: str) -> str:
    with translation.override(language):
        return said(text).replace("\u00a0", " ")


@pytest.fixture
def fault(people: People, at: datetime, send: Callable[..., Message]) -> Callable[[str], str]:
    """`fault("wide")`: what is really said when it is refused."""
    rita = people("rita")
    add_names(rita, kind="shared_hosting", values="pages.example", at=at)
    add_names(rita, kind="essential", values="water.example", at=at)
    add_names(rita, kind="always_passes", values="112.example", at=at)
    send()
    group = Group.objects.get(key="mybank-login.example")
    words = {"reason": "codes", "basis": BASIS, "at": at}
    row = approve(rita, url="https://water.example/", **words)  # type: ignore[arg-type]
    other = approve(rita, url=PAGE, **words)  # type: ignore[arg-type]
    ways: dict[str, Callable[[], object]] = {
        "wide": lambda: approve(rita, url=PAGE, scope="host", **words),  # type: ignore[arg-type]
        "final": lambda: approve(rita, url="https://www.112.example/", **words),  # type: ignore[arg-type]
        "stranger": lambda: approve(rita, url=f"{PAGE}/2", group=group.uid, **words),  # type: ignore[arg-type]
        "same": lambda: approve(rita, url="https://water.example/", **words),  # type: ignore[arg-type]
        "self": lambda: step_listing(rita, other.uid, step="confirm", text="", at=at),
        "warned": lambda: step_listing(people("rolf"), row.uid, step="confirm", text="", at=at),
        "reason": lambda: reject_group(rita, group.uid, reason=" ", at=at),
    }

    def refused(name: str) -> str:
        with pytest.raises(TocsinError) as found:
            ways[name]()
        return str(found.value).replace(row.reference, "REFERENCE")

    return refused


EXPECTED = {
    "wide": (
        (
            "Liste: der Hostname und jeder Name darunter wäre zu weit: pages.example beherbergt Seiten "
            "von allen. Möglich: url"
        ),
        (
            "liste : le nom d’hôte et tout nom en dessous, ce serait trop large : pages.example héberge "
            "les pages de tout le monde. Possible : url"
        ),
    ),
    "final": (
        (
            "Liste: 112.example ist ein Name, der immer durchkommt. Darüber kann sich niemand "
            "hinwegsetzen. Möglich: ablehnen, oder dem Betrieb des Namens Bescheid geben"
        ),
        (
            "liste : 112.example est un nom qui passe toujours. Personne ne peut passer outre. "
            "Possible : rejeter, ou prévenir qui gère le nom"
        ),
    ),
    "stranger": (
        (
            "Liste: In dieser Gruppe hat niemand hxxps://shop[.]pages[.]example/pay/2 gemeldet. "
            "Möglich: hxxps://mybank-login[.]example/pay?id=7"
        ),
        (
            "liste : personne n’a signalé hxxps://shop[.]pages[.]example/pay/2 dans ce groupe. "
            "Possible : hxxps://mybank-login[.]example/pay?id=7"
        ),
    ),
    "same": (
        (
            "Liste: water.example hat schon den Status „freigegeben“ (REFERENCE). Möglich: diese "
            "ansehen"
        ),
        "liste : water.example est déjà à l’état « approuvé » (REFERENCE). Possible : voir celle-ci",
    ),
    "self": (
        (
            "Liste: Zwei verschiedene Menschen geben frei. Sie haben schon den Schritt „freigeben“ "
            "getan, also nicht „bestätigen“. Möglich: jemand anders mit shield.review"
        ),
        (
            "liste : deux personnes différentes approuvent. Vous avez déjà fait l’étape « approuver », "
            "donc pas « confirmer ». Possible : quelqu’un d’autre avec shield.review"
        ),
    ),
    "warned": (
        (
            "Liste: water.example ist ein lebenswichtiger Dienst. Möglich: Eine dritte Person setzt "
            "sich mit Begründung darüber hinweg, oder ablehnen"
        ),
        (
            "liste : water.example est un service essentiel. Possible : une troisième personne passe "
            "outre avec une raison, ou rejeter"
        ),
    ),
    "reason": (
        "Eine Begründung ist nötig: Wer gesperrt wird und wer darüber urteilt, liest sie",
        "il faut une raison : qui est bloqué et qui en juge la lit",
    ),
}


def test_each_refusal_is_said_in_german_and_french(fault: Callable[[str], str]):
    texts = {name: fault(name) for name in EXPECTED}

    assert {name: (in_("de", text), in_("fr", text)) for name, text in texts.items()} == EXPECTED
    assert {name: in_("en", text) for name, text in texts.items()} == texts


def test_what_warns_and_why_it_is_so_wide_is_said_too(people: People, at: datetime):
    row = approve(
        people("rita"), url=f"{LURE}&m=ada@example.net", scope="url", reason="x", basis=BASIS, at=at
    )
    wide = approve(people("rita"), url=LURE, reason="x", basis=BASIS, at=at)

    assert in_("de", row.warnings["mailbox"]) == (
        "die Adresse enthält offenbar ein Postfach eines Menschen, für alle lesbar "
        "(stattdessen: die Domain mybank-login.example, oder https://mybank-login.example/pay?id=7&m=x)"
    )
    assert in_("fr", row.because) == "restreint par quelqu’un"
    assert (
        in_("de", wide.because)
        == "mybank-login.example ist die Seite von mybank-login.example selbst"
    )
