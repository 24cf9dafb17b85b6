"""Lists for some: who may fetch which, that others see no trace, and that each is signed."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from tests.desks.people import viewer
from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.appealing import file_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.models import Edition, Listing, Message
from tocsin.desks.shield.queries import published
from tocsin.desks.shield.queries.verified import verify_list
from tocsin.node.cli import app
from tocsin.node.store import Store
from tocsin.office import keys
from tocsin.office.models import Party, RegisterRow
from tocsin.office.people.actions import make_token
from tocsin.office.people.models import Person, SharingGroup
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Unreadable, Unusable

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WORD = "p" * 24
HIDDEN = "http://hidden-lure.example/login"
FORMS = ("rpz", "domains", "csv", "json", "suricata", "urls")


@pytest.fixture
def client(settings: Any, db: None) -> Any:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    settings.SHIELD = {**settings.SHIELD, "lists": {"public": "public", WORD: "providers"}}
    published._files.clear()
    with time_machine.travel(NOW, tick=False) as clock:
        yield Client(), clock


@pytest.fixture
def listing(people: Callable[[str], Viewer]) -> Callable[..., Listing]:
    def make(url: str, tlp: str, at: datetime = NOW) -> Listing:
        row = approve(people("rita"), url=url, reason="codes", basis=BASIS, tlp=tlp, at=at)
        return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)

    return make


def token_of(slug: str, competence: str = "response.answer") -> str:
    someone = viewer(slug, competence, at=NOW - timedelta(days=1), name=f"prog-{slug}")
    person = Person.objects.get(pk=someone.person.pk)  # type: ignore[union-attr]
    _, text = make_token(
        someone.mandates[0],
        name="lists",
        scopes=["shield:list:fetch"],
        expires_at=NOW + timedelta(days=9),
        by=person.actor,
        at=NOW,
    )
    return text


def fetch(client: Client, audience: str, form: str = "domains", token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.get(f"/shield/lists/{audience}/{form}", headers=headers)


def test_each_audience_has_what_it_may_know_and_no_more(client: Any, listing: Any):
    listing(LURE, "TLP:CLEAR")
    listing("http://green-lure.example/", "TLP:GREEN")
    listing(HIDDEN, "TLP:AMBER")

    lists = {name: published.current(name, at=NOW) for name in ("public", "members", "providers")}

    assert {name: sorted(table["value"]) for name, table in lists.items()} == {
        "public": ["mybank-login.example"],
        "members": ["green-lure.example", "mybank-login.example"],
        "providers": ["green-lure.example", "hidden-lure.example", "mybank-login.example"],
    }


def test_an_outsider_sees_no_trace_of_what_is_for_others(client: Any, listing: Any, send: Any):
    """Every byte and header of every form, the check page, delta and warning: as if it were not."""
    web, _clock = client
    listing(LURE, "TLP:CLEAR")
    message = send(HIDDEN)

    def seen() -> list[Any]:
        pages = [
            *(f"/shield/lists/public/{form}" for form in FORMS),
            f"/shield/lists/public/json?since={first}",
            "/shield/check.json?name=hidden-lure.example",
            "/shield/warning?name=hidden-lure.example",
            "/shield/figures.json",
        ]
        got = [web.get(page) for page in pages]
        return [(one.status_code, one.content, one.get("ETag")) for one in got]

    first = published.newest().version  # type: ignore[union-attr]
    before = seen()
    hidden = listing(HIDDEN, "TLP:AMBER", at=NOW + timedelta(seconds=1))
    published._files.clear()

    assert seen() == before
    assert RegisterRow.objects.filter(subject=hidden.uid, action="shield:term:begin").count() == 0
    with pytest.raises(NotFound):
        _appeal("hidden-lure.example")
    assert _appeal(hidden.reference).listing == hidden  # whoever was told of it may appeal
    # … nor in the numbers of what is listed after it,
    row = listing("http://later-lure.example/", "TLP:CLEAR", at=NOW + timedelta(seconds=2))
    term = row.terms.get(audience="public")
    assert (term.number, term.added_in) == (2, int(NOW.timestamp()) + 2)
    assert Edition.objects.filter(audience="public").count() == 3  # the empty one and these two
    # … nor in what whoever reported it is told.
    assert Message.objects.get(pk=message.pk).state != Message.State.LISTED


def _appeal(about: str) -> Any:
    words = {"text": "x", "answer_to": "", "language": "en", "is_cleaned": False}
    return file_appeal(about=about, **words, by="public", at=NOW + timedelta(seconds=2))  # type: ignore[arg-type]


def test_a_partner_that_may_not_know_finds_its_own_proposal_new(
    client: Any, listing: Any, people: Any
):
    listing(HIDDEN, "TLP:AMBER")
    brand = viewer("lantern-bank", "shield.propose", at=NOW, name="bea")

    row = approve(brand, url=HIDDEN, reason="ours", basis=BASIS, at=NOW)

    assert row.state == "approved"


def test_a_token_opens_the_lists_of_its_partys_audiences(client: Any, listing: Any, people: Any):
    web, _ = client
    listing(HIDDEN, "TLP:AMBER")
    people("rita")
    isp, brand = token_of("meadow-net"), token_of("lantern-bank")

    assert "hidden-lure.example" in fetch(web, "providers", token=isp).content.decode()
    assert fetch(web, "members", token=brand).status_code == 200
    nothing = _without_path(fetch(web, "nonsense", token=brand), "nonsense")
    for audience, token in (("providers", brand), ("providers", ""), ("members", "wrong")):
        refused = fetch(web, audience, token=token)
        assert (refused.status_code, _without_path(refused, audience)) == (404, nothing)


def _without_path(answer: Any, audience: str) -> str:
    """A page names its own address, for the menu of languages, and has random words in it."""
    text = str(answer.content.decode()).replace(audience, "…")
    return re.sub(r'(nonce|value)="[A-Za-z0-9_-]{16,}"', "", text)


def test_a_sharing_group_opens_a_list_while_it_runs(client: Any, listing: Any, people: Any):
    web, _ = client
    listing(HIDDEN, "TLP:AMBER")
    token = token_of("lantern-bank")
    group = SharingGroup.objects.create(name="shield providers", purpose="x", created_at=NOW)
    group.members.add(Party.objects.get(slug="lantern-bank"))

    assert fetch(web, "providers", token=token).status_code == 200
    SharingGroup.objects.update(ended_at=NOW)
    assert fetch(web, "providers", token=token).status_code == 404


def test_a_party_that_is_no_member_gets_the_public_list_alone(
    client: Any, listing: Any, people: Any
):
    web, _ = client
    listing(HIDDEN, "TLP:AMBER")
    token = token_of("meadow-net")
    Party.objects.filter(slug="meadow-net").update(member=False)

    assert [fetch(web, one, token=token).status_code for one in ("providers", "members")] == [
        404,
        404,
    ]
    assert fetch(web, "public", token=token).status_code == 200


def test_etags_are_per_audience(client: Any, listing: Any):
    web, _ = client
    listing(LURE, "TLP:CLEAR")
    listing(HIDDEN, "TLP:AMBER")

    everybody, providers = fetch(web, "public", "rpz"), fetch(web, WORD, "rpz")

    assert everybody.headers["ETag"] != providers.headers["ETag"]
    assert "providers.rpz.invalid." in providers.content.decode()
    again = web.get(
        f"/shield/lists/{WORD}/rpz", headers={"If-None-Match": providers.headers["ETag"]}
    )
    crossed = web.get(
        f"/shield/lists/{WORD}/rpz", headers={"If-None-Match": everybody.headers["ETag"]}
    )
    assert (again.status_code, crossed.status_code) == (304, 200)
    assert providers.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_signed_for_its_audience(client: Any, listing: Any, store: Store, form: str):
    web, _ = client
    listing(LURE, "TLP:CLEAR")
    public = keys.public_text(keys.signing_key(store.path / "keys"))
    data = fetch(web, WORD, form).content
    signature = fetch(web, WORD, f"{form}.sig").content

    facts = verify_list(data, signature, public_key=public)

    assert (facts["audience"], facts["form"]) == ("providers", form)
    assert facts["version"] == int(NOW.timestamp())
    with pytest.raises(Unreadable, match="another digest"):
        verify_list(data + b" ", signature, public_key=public)
    with pytest.raises(Unreadable, match="signature does not fit"):
        verify_list(data, signature.replace(b'"providers"', b'"members"'), public_key=public)
    with pytest.raises(Unreadable, match="another key"):
        verify_list(data, signature, public_key="0" * 64)


@pytest.mark.skipif(not shutil.which("openssl"), reason="apt-get install openssl")
def test_openssl_and_the_command_check_what_was_fetched(
    client: Any, listing: Any, store: Store, tmp_path: Path, capsys: Any
):
    """The lines of docs/how-to/run-the-shield.md, without anything of ours; then our command."""
    web, _ = client
    listing(LURE, "TLP:CLEAR")
    (tmp_path / "rpz").write_bytes(fetch(web, "public", "rpz").content)
    (tmp_path / "rpz.sig").write_bytes(fetch(web, "public", "rpz.sig").content)
    whole = json.loads((tmp_path / "rpz.sig").read_text())
    facts = json.dumps(
        whole["list"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    raw = bytes.fromhex(whole["signature"]["public_key"])
    key = Ed25519PublicKey.from_public_bytes(raw)
    (tmp_path / "key.pem").write_bytes(
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "facts").write_bytes(facts)
    (tmp_path / "signature").write_bytes(bytes.fromhex(whole["signature"]["value"]))
    words = "pkeyutl -verify -pubin -inkey key.pem -rawin -in facts -sigfile signature"
    done = subprocess.run(
        ["openssl", *words.split()], cwd=tmp_path, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    if shutil.which("jq"):
        words = ["jq", "-cjS", ".list", "rpz.sig"]
        said = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True).stdout
        assert said == facts
    app(
        ["shield", "verify", str(tmp_path / "rpz"), str(tmp_path / "rpz.sig"), "--key", raw.hex()],
        standalone_mode=False,
    )
    shown = "rpz for public, edition 1795424400, made 2026-11-23T09:00:00Z: bytes and signature fit"
    assert shown in capsys.readouterr().out


def test_a_marking_for_named_persons_is_no_list(people: Any, at: datetime):
    with pytest.raises(Unusable, match="would be on nobody's list"):
        approve(people("rita"), url=LURE, reason="x", basis=BASIS, tlp="TLP:RED", at=at)
