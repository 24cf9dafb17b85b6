"""The catalogues of translations: whole, up to date, and what pages show of them."""

import html
import re
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import time_machine
from babel.messages.mofile import write_mo
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.desks.pages import signed_in, somebody, upload, work
from tests.house.source import REPOSITORY
from tocsin.desks.response.models import Case, Intake, Report
from tocsin.node import catalogues
from tocsin.node.samples import samples_folder
from tocsin.node.translated import Translation, offered, read_figures
from tocsin.office import sentences
from tocsin.office.models import Delivery, Party
from tocsin.office.parties import import_parties
from tocsin.office.people import letters
from tocsin.office.people.models import Letter, Mandate, Person
from tocsin.office.people.notices import ACCOUNT_CLOSED, tell
from tocsin.rules.lifecycle import Actor, take
from tocsin.rules.response import CASE, FEEDBACK
from tocsin.words.competences import Competence
from tocsin.words.countries import MEMBER_STATES
from tocsin.words.errors import Refused
from tocsin.words.languages import OFFICIAL
from tocsin.words.roles import Role

SAMPLES = samples_folder()
LANGUAGES = catalogues.languages()
# What a translation must bring along as it is: %(name)s, {name}, %s and the doubled %.
_SLOT = re.compile(r"%\(\w+\)s|\{\w+\}|%[sd%]")


def strings(one):
    """The translations of one entry: one, or one for each plural form."""
    return one.string if isinstance(one.string, (list, tuple)) else [one.string]


def sources(one):
    """The English of one entry: one, or singular and plural."""
    return one.id if isinstance(one.id, (list, tuple)) else [one.id]


def entries(language):
    return [one for one in catalogues.read(language) if one.id]


# ── the catalogues themselves ────────────────────────────────────────────────────────────


def test_every_text_of_the_sources_is_in_the_template():
    found = {(str(one.id), one.context) for one in catalogues.extracted() if one.id}
    known = {(str(one.id), one.context) for one in catalogues.template() if one.id}

    assert (found - known, known - found) == (set(), set()), "Run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_text_of_the_template_and_no_other(language):
    known = {(str(one.id), one.context) for one in catalogues.template() if one.id}

    assert {(str(one.id), one.context) for one in entries(language)} == known, "Run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_placeholders_of_its_text(language):
    wrong = []
    for one in entries(language):
        possible = [sorted(_SLOT.findall(text)) for text in sources(one)]
        wrong += [
            (one.id, text)
            for text in strings(one)
            if text and sorted(_SLOT.findall(text)) not in possible
        ]

    assert wrong == []


@pytest.mark.parametrize("language", ["de", "fr"])
def test_what_is_said_to_be_complete_is_neither_empty_nor_fuzzy(language):
    assert [one.id for one in entries(language) if one.fuzzy or not all(strings(one))] == []


def test_french_puts_unbreakable_spaces_before_its_signs():
    torn = [
        text
        for one in entries("fr")
        for text in strings(one)
        if re.search(r"[ ][;!?»]|[ ]:(?=\s|$)|«[ ]|\w'\w", text)
    ]

    assert torn == []


def test_german_keeps_to_its_own_quotation_marks_and_to_the_polite_form():
    foreign = [
        text
        for one in entries("de")
        for text in strings(one)
        if re.search(r"[\"'«»’”]|\b(?:du|dich|dir|dein\w*)\b", text)
        or text.count("„") != text.count("“")
    ]

    assert foreign == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_says_who_translated_and_who_reviewed_it(language):
    head = catalogues.po_of(language).read_text("utf-8").partition("msgid")[0]

    assert re.findall(r"^# ([a-z ]+):", head, re.MULTILINE) == [
        "status",
        "reviewed by",
        "reviewed on",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_counts_plurals_as_its_language_does(language):
    forms = catalogues.read(language).num_plurals

    assert {len(one.string) for one in entries(language) if not isinstance(one.id, str)} == {forms}


def test_an_empty_translation_is_left_out_of_what_programs_read(tmp_path, monkeypatch):
    folder = tmp_path / "locale"
    monkeypatch.setattr(catalogues, "LOCALE", folder)
    known = catalogues._catalogue("it")
    known.add("Sign in", "Accedi")
    known.add("Sign out", "")
    known.add(("%(n)s case", "%(n)s cases"), ("", ""))
    catalogues._write(folder / catalogues.TEMPLATE, known)
    catalogues._write(catalogues.po_of("it"), known)

    catalogues.compile_all()

    made = (folder / "it" / "LC_MESSAGES" / "django.mo").read_bytes()
    assert (b"Accedi" in made, b"Sign out" in made, b"cases" in made) == (True, False, False)
    assert read_figures(folder) == {"it": Translation(3, 1, "machine")}


def test_the_same_texts_give_the_same_bytes_on_any_day(tmp_path):
    made = [path.read_bytes() for path in catalogues.compile_all(tmp_path / "now")]

    with time_machine.travel("2031-05-04 03:02:01"):
        assert [path.read_bytes() for path in catalogues.compile_all(tmp_path / "then")] == made


# ── which languages are offered ──────────────────────────────────────────────────────────


def test_a_language_is_offered_when_nothing_is_missing():
    said = {"it": Translation(3, 3, "machine"), "nl": Translation(3, 2, "machine")}

    assert offered(said) == [("en", "English"), ("it", "italiano")]
    assert offered(said, unfinished=True) == [
        ("en", "English"),
        ("it", "italiano"),
        ("nl", "Nederlands"),
    ]


def test_there_are_24_official_languages_and_27_states_that_speak_them():
    assert (len(OFFICIAL), len(MEMBER_STATES)) == (24, 27)


@pytest.mark.parametrize("one", [("de", "Deutsch"), ("fr", "français")])
def test_german_and_french_are_offered(one):
    assert one in django_settings.LANGUAGES


def test_figures_that_cannot_be_read_leave_english(tmp_path):
    (tmp_path / "languages.json").write_text('{"fr": {"texts": "many", "surprise": 1}}')

    assert (
        offered(read_figures(tmp_path))
        == offered(read_figures(tmp_path / "no"))
        == [("en", "English")]
    )


# ── pages ────────────────────────────────────────────────────────────────────────────────


def lang(response):
    """The language a page says it is in."""
    return re.search(r'<html lang="([a-z]+)"', response.content.decode())[1]


@pytest.mark.django_db
def test_a_page_is_in_the_language_of_the_cookie_or_else_of_the_browser():
    client = Client(headers={"accept-language": "fr-BE, fr;q=0.9, en;q=0.5"})

    assert lang(client.get("/")) == "fr"
    client.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert lang(client.get("/")) == "en"


@pytest.mark.django_db
def test_a_language_that_is_not_offered_is_english():
    client = Client(headers={"accept-language": "it"})
    answer = client.post(reverse("set_language"), {"language": "xx", "next": "/"})

    assert (answer.status_code, lang(client.get("/"))) == (302, "en")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said"),
    [("de", "bisher von keiner muttersprachlichen Person geprüft"), ("fr", "n’a pas encore été")],
)
def test_a_page_says_that_its_translation_is_unreviewed(settings, language, said):
    client = Client(headers={"accept-language": language})
    assert said in client.get("/").content.decode()

    settings.TRANSLATIONS = {language: Translation(3, 3, "reviewed", "Ada", "2026-11-23")}
    assert said not in client.get("/").content.decode()


@pytest.fixture(scope="module")
def pseudo(tmp_path_factory):
    """A catalogue in which every text stands in brackets: what has none was never marked."""
    folder = tmp_path_factory.mktemp("locale")
    known = catalogues.read("fr")
    for one in known:
        if one.id:
            marked = tuple(f"⟦{text}⟧" for text in sources(one))
            one.string = marked if len(marked) > 1 else marked[0]
    path = folder / "fr" / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, known)
    return folder


# English that stays: what readers say of bytes, data of the sample, names of parties, of
# permissions, of states and of classes.
_STAYS = re.compile(
    r"fields where the header names|is no address, and nothing else|names a network where an"
    r"|is in the remit of Meadow Net \(manual\)|Registry of example|Sample CSIRT for|\{.*\}"
    r"|extra\.because|^[a-z_2]+(?::[a-z_2]+)+:$|^[A-Z]{2}$|^[a-z]+(?:-[a-z]+)+(?: \(\d+\))?$"
)
_ENGLISH = re.compile(
    r"\b(the|of|is|are|was|by|to|and|not|no|for|with|from|you|your|this|that|it|its|in|on|at|who"
    r"|what|why|every|none|nothing|may|can|yet|told|sign|add|change|new|all)\b",
    re.IGNORECASE,
)


def shown(response):
    """What a page says, line by line, with the texts of attributes, without the brackets."""
    page = re.sub(
        r"<(script|style|code|pre)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL
    )
    page = re.sub(r'<[^>]*?(?:aria-label|alt|title|placeholder)="([^"]*)"', r"\n\1\n<b", page)
    text = html.unescape(
        re.sub(r"<[^>]+>", "\n", re.sub(r"</?(?:strong|span|a)\b[^>]*>", " ", page))
    )
    while "⟦" in text:
        text = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
    return [line.strip() for line in text.split("\n") if line.strip()]


PLAIN = (
    *("home", "accessibility", "response:start", "response:cases", "response:deliveries"),
    *("response:reports", "response:add_report", "response:quarantine", "response:figures"),
    *("response:look_up", "response:notifications", "response:begin_notification"),
    *("people:people", "people:tokens", "people:groups", "parties:parties", "parties:add"),
    *("mfa_index", "account_change_password", "usersessions_list", "account_logout"),
)
OF_A_PARTY = ("party", "about", "agreement", "contact", "delivery", "key", "remit", "secret")


def paths():
    """Pages that somebody signed in can open, one of each kind."""
    case, other = Case.objects.filter(party__slug="meadow-net").first(), Case.objects.first()
    delivery, intake = Delivery.objects.first(), Intake.objects.first()
    yield from (reverse(name) for name in PLAIN)
    yield from (reverse(f"parties:{name}", args=["meadow-net"]) for name in OF_A_PARTY)
    yield from (reverse("response:case", args=[one.uid]) for one in (case, other))
    yield reverse("response:delivery", args=[delivery.uid])
    yield reverse("response:intake", args=[intake.uid])
    yield reverse("response:report", args=[Report.objects.first().uid])
    yield reverse("people:invite", args=["csirt-be"])
    yield reverse("people:make_token", args=[Mandate.objects.first().uid])
    for target in ("192.0.2.7", "https://parcel-harbour.example/login", "!!"):
        yield f"{reverse('response:look_up')}?{urlencode({'target': target, 'tlp': 'TLP:AMBER'})}"
    yield f"{reverse('response:cases')}?states=no-such"
    yield "/there/is/nothing/here"


OF_NOBODY = ("/account/login/", "/account/password/reset/", "/account/password/reset/done/", "/")


def test_no_page_has_a_text_that_nobody_can_translate(pages, store, settings, pseudo):
    settings.STORE, settings.OVERLAY = store.path, SAMPLES / "networks.csv"
    at = datetime.now(UTC)
    import_parties((SAMPLES / "parties.toml").read_text("utf-8"), by="test", at=at)
    Party.objects.filter(slug="csirt-be").update(runs_node=True)
    rights = ("party.administer", "nis2.notify", "response.answer")
    desk = somebody("csirt-be", "response.handle", "party.administer", "nis2.receive", at=at)
    provider = somebody("meadow-net", *rights, at=at, name="bob")
    for report in sorted((SAMPLES / "demo").glob("*.csv")):
        upload(desk, report)
    work(store.path, settings.OVERLAY, at=datetime.now(UTC))
    Person.objects.update(language="fr")
    settings.LANGUAGES = [("en", "English"), ("fr", "français")]
    settings.LOCALE_PATHS = [pseudo]

    walked = [(desk, path) for path in paths()] + [(provider, path) for path in paths()]
    walked += [(Client(headers={"accept-language": "fr"}), path) for path in OF_NOBODY]
    said = {(path, line) for who, path in walked for line in shown(who.get(path, follow=True))}

    assert (
        sorted(
            (path, line) for path, line in said if _ENGLISH.search(line) and not _STAYS.search(line)
        )
        == []
    )


# ── what is not said on pages ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "AS64500 verwaltete 192.0.2.0-192.0.2.255 laut Stand vom 2026-06-17"),
        ("fr", "AS64500 détenait 192.0.2.0-192.0.2.255 selon l’état du 2026-06-17"),
    ],
)
def test_why_somebody_is_told_is_said_in_their_language(language, said):
    with translation.override(language):
        told = sentences.said("AS64500 held 192.0.2.0-192.0.2.255 in the snapshot of 2026-06-17")

    assert told == said


_ENDED = {
    "de": (
        "Zustellung: Schritt „in Bearbeitung nehmen“ ist im Status „behoben“ nicht möglich "
        "(Zugangsanbieter). Möglich: nichts, „behoben“ ist ein Endzustand"
    ),
    "fr": (
        "remise : étape « agir » impossible à l’état « corrigé » (fournisseur d’accès). "
        "Possible : rien, « corrigé » est un état final"
    ),
}
_EARLY = {
    "de": (
        "Fall: Schritt „zusammenführen“ ist im Status „neu“ nicht möglich (Zugangsanbieter). "
        "Möglich: informieren (der Knoten), abschließen (CSIRT, Koordinator), zusammenführen "
        "(CSIRT, Koordinator)"
    ),
    "fr": (
        "dossier : étape « fusionner » impossible à l’état « nouveau » (fournisseur d’accès). "
        "Possible : informer (le nœud), clore (CSIRT, coordinateur), fusionner (CSIRT, "
        "coordinateur)"
    ),
}


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_refusal_of_a_step_is_said_whole_in_the_language_of_the_page(language):
    provider = Actor(Role.ISP, frozenset({Competence.RESPONSE_ANSWER}))
    with pytest.raises(Refused) as ended:
        take(FEEDBACK, "cured", "act", provider)
    with pytest.raises(Refused) as early:
        take(CASE, "new", "merge", provider)

    with translation.override(language):
        told = [sentences.said(str(one.value)).replace("\u00a0", " ") for one in (ended, early)]

    assert told == [_ENDED[language], _EARLY[language]]


def test_a_sentence_of_unknown_shape_stays_as_it_is():
    with translation.override("fr"):
        assert sentences.said("the bridge is up") == "the bridge is up"
        assert sentences.said("") == ""


def test_a_long_hostile_sentence_is_not_taken_apart():
    hostile = "'" + "x: a cannot b while c. Possible: " * 4000

    with translation.override("fr"):
        begun = time.perf_counter()
        assert sentences.said(hostile) == hostile
        sentences.said(hostile[: sentences.LONGEST])
        assert time.perf_counter() - begun < 1


def test_somebody_is_written_to_in_the_language_they_chose(pages):
    person = Person.objects.create_user("ada@meadow-net.example", name="Ada")
    client = signed_in(person)
    client.post(reverse("set_language"), {"language": "fr", "next": "/"})
    person.refresh_from_db()
    tell(person, ACCOUNT_CLOSED, at=datetime.now(UTC))

    assert person.language == "fr"
    assert letters.read(Letter.objects.latest("pk"))["subject"] == "Votre compte a été fermé"


@pytest.mark.parametrize(("language", "spoken"), [("fr-BE", "fr"), ("it", "en"), ("", "en")])
def test_who_speaks_what_is_not_offered_is_written_to_in_english(language, spoken):
    with sentences.speaking(language) as chosen:
        assert (chosen, translation.get_language()) == (spoken, spoken)


def test_the_wheel_has_the_compiled_catalogues(tmp_path):
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(words, cwd=REPOSITORY, check=True, capture_output=True)

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    folder = "tocsin/node/locale"
    wanted = {f"{folder}/{one}/LC_MESSAGES/django.mo" for one in LANGUAGES}
    assert names >= wanted | {f"{folder}/languages.json"}
