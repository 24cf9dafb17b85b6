"""The pages about parties: one's own, and all of them for the node's people."""

import re
import tomllib
from datetime import UTC, datetime

import pytest

from tests.node.browsing import mandated, party, person, posted, signed_in
from tocsin.node.samples import samples_folder
from tocsin.office.models import Contact, Party, RegisterRow
from tocsin.office.parties import export_parties, import_parties
from tocsin.office.parties.writing import write_parties

ADA, DORA = "ada@meadow-net.example", "dora@csirt-be.example"
FILE = (samples_folder() / "parties.toml").read_text("utf-8")


@pytest.fixture
def on_file(pages, store, settings):
    """The sample parties; csirt-be runs the node."""
    settings.STORE = store.path
    import_parties(FILE, by="test", at=datetime.now(UTC))
    Party.objects.filter(slug="csirt-be").update(runs_node=True)


@pytest.fixture
def ada(on_file):
    """The administrator of Meadow Net."""
    mandated(ADA, party(), "party.administer")
    posted()
    return signed_in(person(ADA))


@pytest.fixture
def dora(on_file):
    """Somebody of the party that runs the node."""
    mandated(DORA, party("csirt-be"), "response.handle")
    return signed_in(person(DORA))


def exported(slug="meadow-net"):
    """What an export says of a party."""
    (found,) = [one for one in tomllib.loads(export_parties())["party"] if one["id"] == slug]
    return found


def same_again():
    """What importing the export changes: it must be nothing."""
    return import_parties(export_parties(), by="test", at=datetime.now(UTC)).changed


CONTACT = {
    "kind": "phone",
    "value": "+32 2 555 01 00",
    "purpose": "security",
    "languages": "nl, en",
    "hours": "24/7",
}
DELIVERY = {
    "channel": "mail",
    "address": "soc@meadow-net.example",
    "format": "intelmq-json",
    "interval": "daily",
    "language": "nl",
}


# ── one's own ────────────────────────────────────────────────────────────────────────────


def test_an_administrator_adds_a_contact_and_the_party_file_says_so(ada):
    before = exported()["contact"]
    answer = ada.post("/parties/of/meadow-net/contact/", CONTACT)

    assert answer.headers["Location"] == "/parties/of/meadow-net/"
    added = {**CONTACT, "languages": ["en", "nl"]}
    assert exported()["contact"] == [*before, added]
    assert same_again() == ()
    (row,) = RegisterRow.objects.filter(action="office:party:change")
    assert row.facts == {"party": "meadow-net", "changed": ["contacts"]}
    assert row.actor == person(ADA).actor
    assert [(one.to, one.subject) for one in posted()] == [
        ([ADA], "What is on file of Meadow Net was changed")
    ]


def test_a_contact_is_taken_away_and_others_stay(ada):
    ada.post("/parties/of/meadow-net/contact/", CONTACT)
    before = exported()["contact"]
    gone = {name: CONTACT[name] for name in ("kind", "value", "purpose")}
    ada.post("/parties/of/meadow-net/contact/remove/", gone)

    assert exported()["contact"] == before[:-1]


def test_deliveries_go_where_the_administrator_says(ada):
    ada.post("/parties/of/meadow-net/delivery/", DELIVERY)

    said = {name: DELIVERY[name] for name in ("channel", "address", "format", "interval")}
    assert exported()["delivery"] == said
    assert exported()["language"] == "nl"
    assert same_again() == ()


@pytest.mark.parametrize(
    ("path", "words", "said"),
    [
        ("delivery", {"channel": "webhook", "address": "http://x.example/"}, "only https"),
        ("delivery", {"address": "no mailbox"}, "cannot be used"),
        ("delivery", {"channel": "folder", "address": "", "interval": "daily"}, "is for mail"),
        ("delivery", {"channel": "folder", "address": "be/brook", "interval": "each"}, "whose"),
        ("delivery", {"format": "xls"}, "Select a valid choice"),
        ("contact", {"kind": "phone", "value": "555"}, "begins with +"),
        ("contact", {"kind": "email", "value": "x"}, "somebody@host.example"),
        ("contact", {"hours": "x\u202ey"}, "one line"),
        ("key", {"key": "-----BEGIN PGP PRIVATE KEY BLOCK-----"}, "private key"),
        ("key", {"key": "hello"}, "there is no file"),
    ],
)
def test_what_the_party_file_could_not_say_is_refused_with_the_reason(ada, path, words, said):
    before = export_parties()
    typed = {"contact": CONTACT, "delivery": DELIVERY, "key": {}}[path]
    answer = ada.post(f"/parties/of/meadow-net/{path}/", {**typed, **words})

    assert (answer.status_code, export_parties()) == (422, before)
    assert said in answer.content.decode()


def test_an_administrator_says_nothing_of_what_the_node_says_of_a_party(ada):
    before = export_parties()
    answers = [
        ada.post(f"/parties/of/meadow-net/{path}/", {}).status_code
        for path in ("about", "remit", "remit/remove", "agreement", "agreement/end", "state")
    ]

    assert answers == [403] * 6
    assert export_parties() == before


def test_another_party_is_not_there_to_see_or_change(ada):
    for slug in ("brook-telecom", "nobody"):
        seen = [ada.get(f"/parties/of/{slug}/{path}").status_code for path in ("", "file/")]
        changed = [
            ada.post(f"/parties/of/{slug}/{path}/", CONTACT).status_code
            for path in ("contact", "contact/remove", "delivery", "key", "secret")
        ]
        assert (seen, changed) == ([404, 404], [404] * 5)


def test_somebody_of_one_party_is_shown_it_at_once(ada):
    assert ada.get("/parties/").headers["Location"] == "/parties/of/meadow-net/"


def test_whoever_answers_may_look_and_change_nothing(on_file):
    mandated("bo@meadow-net.example", party(), "response.answer")
    bo = signed_in(person("bo@meadow-net.example"))

    assert bo.get("/parties/of/meadow-net/").status_code == 200
    assert bo.post("/parties/of/meadow-net/contact/", CONTACT).status_code == 403


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def secrets_on(page):
    """What a page shows of secrets."""
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", page.content.decode().replace("&#x27;", "'"))


def test_a_webhook_secret_is_made_renewed_and_retired_and_shown_once(ada, store):
    path = "/parties/of/meadow-net/secret/"
    (first,) = secrets_on(ada.post(path, {"act": "make"}))
    (second,) = secrets_on(ada.post(path, {"act": "renew"}))
    file = store.keys / "webhooks" / "meadow-net.secret"
    both = file.read_text().split()
    ada.post(path, {"act": "retire"})

    assert (both, file.read_text().split()) == ([second, first], [second])
    assert secrets_on(ada.get(path)) == []
    assert first not in repr(list(RegisterRow.objects.values()))
    said = [row.action for row in RegisterRow.objects.filter(action__contains="webhook")]
    assert said == [f"office:webhook_secret:{verb}" for verb in ("make", "renew", "retire")]


def test_making_a_secret_twice_is_refused(ada):
    path = "/parties/of/meadow-net/secret/"
    ada.post(path, {"act": "make"})

    assert ada.post(path, {"act": "make"}).status_code == 422
    assert ada.post(path, {"act": "show"}).status_code == 422


# ── the node's people ────────────────────────────────────────────────────────────────────


def test_the_nodes_people_change_what_a_party_answers_for(dora):
    remit = {"relation": "network", "kind": "asn", "value": "64499", "shared": ""}
    dora.post("/parties/of/meadow-net/remit/", remit)
    assert 64499 in exported()["remit"][0]["asn"]

    dora.post("/parties/of/meadow-net/remit/remove/", remit)
    assert 64499 not in exported()["remit"][0]["asn"]
    assert same_again() == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"kind": "prefix", "value": "192.0.2.1/24"}, "host bits"),
        ({"kind": "asn", "value": "0"}, "AS number"),
        ({"kind": "asn", "value": "many"}, "AS number"),
        ({"kind": "country", "value": "ZZ"}, "no country"),
        ({"kind": "domain", "value": "a b.example"}, "domain name"),
    ],
)
def test_a_remit_that_cannot_be_is_refused(dora, words, said):
    answer = dora.post("/parties/of/meadow-net/remit/", {"relation": "network", **words})

    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_an_agreement_opens_and_ends(dora):
    typed = {
        "relation": "law_enforcement",
        "classes": "phishing",
        "reference": "Agreement 9",
        "basis": "article 1",
        "since": "2026-01-01",
    }
    before = exported("police-be" if Party.objects.filter(slug="police-be") else "meadow-net")
    slug = before["id"]
    dora.post(f"/parties/of/{slug}/agreement/", typed)
    made = [one for one in exported(slug)["agreement"] if one["reference"] == "Agreement 9"]
    assert [one["classes"] for one in made] == [["phishing"]]

    ended = {name: typed[name] for name in ("relation", "reference", "since")}
    dora.post(f"/parties/of/{slug}/agreement/end/", ended)
    made = [one for one in exported(slug)["agreement"] if one["reference"] == "Agreement 9"]
    assert [one["until"] for one in made] == [datetime.now(UTC).date()]


def test_a_party_is_put_on_file_retired_and_told_again(dora):
    typed = {**DELIVERY, "slug": "fern-host", "name": "Fern Host", "role": "platform"}
    dora.post("/parties/new/", {**typed, "country": "PT", "member": "on"})
    assert exported("fern-host")["name"] == "Fern Host"

    states = []
    for act in ("retire", "restore"):
        dora.post("/parties/of/fern-host/state/", {"act": act})
        states.append(Party.objects.get(slug="fern-host").active)
    assert states == [False, True]
    rows = RegisterRow.objects.filter(action__startswith="office:party:").values_list("action")
    assert [row[0].rpartition(":")[2] for row in rows] == ["add", "retire", "restore"]


def test_the_party_that_runs_the_node_is_not_retired(dora):
    dora.post("/parties/of/csirt-be/state/", {"act": "retire"})

    assert Party.objects.get(slug="csirt-be").active


def test_what_an_import_keeps_is_not_changed_but_taken_over(dora):
    imported = party("ripe-fern-1", "isp", source="ripe", member=False, channel="mail", name="Fern")
    Contact.objects.create(party=imported, kind="email", value="abuse@fern.example", source="ripe")
    refused = dora.post("/parties/of/ripe-fern-1/contact/", CONTACT)
    dora.post("/parties/of/ripe-fern-1/take-over/", {"slug": "fern"})

    assert refused.status_code == 403
    assert exported("fern")["contact"] == [{"kind": "email", "value": "abuse@fern.example"}]
    assert "source" not in exported("fern")
    assert Party.objects.get(slug="ripe-fern-1").source == "ripe"


def test_the_file_of_one_party_is_what_the_export_says_of_it(dora):
    said = dora.get("/parties/of/meadow-net/file/").content.decode()

    assert tomllib.loads(said)["party"] == [exported()]
    assert said in export_parties()
    assert write_parties([]) == ""


def test_the_list_is_searched_and_cut_by_the_server(dora, django_assert_num_queries):
    at = datetime.now(UTC)
    Party.objects.bulk_create(
        Party(
            slug=f"ripe-{number:05}",
            name=f"Contact {number}",
            role="isp",
            channel="mail",
            channel_address=f"abuse@net{number}.example",
            format="idf-csv",
            source="ripe",
            member=False,
            created_at=at,
            updated_at=at,
        )
        for number in range(500)
    )
    dora.get("/parties/")
    with django_assert_num_queries(10):  # three of them write down who looked
        page = dora.get("/parties/?page=3").content.decode()
    assert page.count("<tr>") == 51
    found = dora.get("/parties/?text=abuse@net77.&member=no").content.decode()
    assert re.findall(r"ripe-\d+", found.partition("<tbody>")[2]) == ["ripe-00077", "ripe-00077"]
    assert "No party fits" in dora.get("/parties/?text=%27%22%3Cscript%3E").content.decode()
    for odd in ("?page=-1", "?page=x", "?state=DROP", "?role=%00", "?country=%FF"):
        assert dora.get(f"/parties/{odd}").status_code == 200


def test_names_of_parties_are_text_and_never_markup(dora):
    Party.objects.filter(slug="meadow-net").update(name="<img src=x onerror=alert(1)>")
    pages = [dora.get(path).content.decode() for path in ("/parties/", "/parties/of/meadow-net/")]

    assert ["<img src=x" in page for page in pages] == [False, False]


# ── who looked ───────────────────────────────────────────────────────────────────────────


def consulted():
    """Who looked at how many contacts of whom, and what for."""
    rows = RegisterRow.objects.filter(action="office:contact:consult").order_by("at")
    return [(row.actor, row.subject, *row.facts.values()) for row in rows]


def test_whoever_looks_at_contacts_is_in_the_register_once_a_view(ada, dora):
    meadow = party()
    Party.objects.filter(pk=meadow.pk).update(channel_address="soc@meadow-net.example")
    meadow.refresh_from_db()
    listed = Party.objects.filter(active=True).exclude(channel_address="").count()
    shown = Contact.objects.filter(party=meadow).count() + bool(meadow.channel_address)
    dora.get("/parties/")
    dora.get("/parties/of/meadow-net/")
    ada.get("/parties/of/meadow-net/")
    ada.get("/parties/of/meadow-net/file/")
    assert ada.get("/parties/of/brook-telecom/").status_code == 404

    desk, own = "handles what parties are told", "acts for the party"
    listing = "addresses in the list of parties, page 1"
    assert (listed, shown > 1) == (1, True)
    assert consulted() == [
        (person(DORA).actor, None, desk, listing, listed),
        (person(DORA).actor, meadow.uid, desk, "contacts of meadow-net", shown),
        (person(ADA).actor, meadow.uid, own, "contacts of meadow-net", shown),
        (person(ADA).actor, meadow.uid, own, "party file of meadow-net", shown),
    ]
