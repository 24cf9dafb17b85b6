"""The pages of the desk: what an analyst and a provider see, and what they never see."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.desks.conftest import OVERLAY, SAMPLES
from tests.desks.pages import same, somebody, text, upload, work
from tocsin.desks.response.models import Case, Intake, Report, SavedFilter
from tocsin.office.models import Delivery, Evidence, Party, RegisterRow, Run

SINKHOLE = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
BROKEN = SAMPLES / "shadowserver" / "2026-06-17-event4_sinkhole-broken.csv"
NOT_THERE = "00000000-0000-0000-0000-000000000000"
PAGES = (
    "/response/",
    "/response/cases/",
    "/response/deliveries/",
    "/response/reports/",
    "/response/figures/",
)


@pytest.fixture
def now() -> datetime:
    """Pages ask the real clock; what they show must lie around it."""
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def node(parties: None, store: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This node: its store, its overlay, and the party that runs it."""
    monkeypatch.setattr(django_settings._wrapped, "SECRET_KEY", "x" * 60)  # a suite has no store
    settings.STORE = store.path
    settings.OVERLAY = OVERLAY
    Party.objects.filter(slug="csirt-be").update(runs_node=True)


@pytest.fixture
def analyst(now: datetime) -> Client:
    """Somebody who handles cases."""
    return somebody("csirt-be", "response.handle", at=now, name="dora")


@pytest.fixture
def provider(now: datetime) -> Client:
    """Somebody of one network operator, who answers."""
    return somebody("meadow-net", "response.answer", at=now, name="pia")


@pytest.fixture
def routed(analyst: Client, store: Any, now: datetime) -> Intake:
    """A report that the analyst brought in and the worker routed."""
    upload(analyst, SINKHOLE)
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    return Intake.objects.get()


# ── the thin path ────────────────────────────────────────────────────────────────────────


def test_an_analyst_uploads_a_report_and_sees_who_was_told_and_why(analyst, store, now):
    sent = upload(analyst, SINKHOLE)
    intake = Intake.objects.get()
    before = text(analyst.get(sent.url))
    said = work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    after = text(analyst.get(sent.url))

    assert sent.status_code == 302
    assert sent.url == f"/response/reports/uploads/{intake.uid}"
    assert "waits for the worker" in before
    assert said == [f"{intake.uid.hex[:8]} routed"]
    assert "rows read 31" in after
    assert "Meadow Net" in after
    assert "192.0.2.0/25 is in the remit of Meadow Net" in after
    assert Delivery.objects.filter(party__slug="meadow-net", run__uid=intake.uid).exists()


def test_a_preview_tells_nobody_and_keeps_no_run(analyst, store, now):
    sent = upload(analyst, SINKHOLE, purpose="preview")
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    page = text(analyst.get(sent.url))

    assert "This was a preview: nobody was told." in page
    assert "Meadow Net" in page
    assert (Delivery.objects.count(), Run.objects.count(), Report.objects.count()) == (0, 0, 0)


def test_a_worker_that_was_killed_after_the_run_counted_routes_nothing_twice(
    analyst, store, now, routed
):
    Intake.objects.update(
        state="waiting", run=None, outcome={}, finished_at=None, lease_until=None, attempt=1
    )
    told = Delivery.objects.count()

    work(store.path, OVERLAY, at=now + timedelta(minutes=20))

    assert (Delivery.objects.count(), Run.objects.count()) == (told, 1)
    assert Intake.objects.get().state == "done"
    assert Intake.objects.get().run == Run.objects.get()


def test_a_report_that_cannot_be_read_says_so_and_tells_nobody(analyst, store, now, tmp_path):
    path = tmp_path / "noise.bin"
    path.write_bytes(b"\x07\x00\xff\x01" * 100)
    sent = upload(analyst, path)
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    page = text(analyst.get(sent.url))

    assert "Nobody was told" in page
    assert "noise.bin: in no format that Tocsin reads" in page


def test_a_file_name_from_a_browser_is_a_name_and_no_path(analyst, store, now):
    upload(analyst, SINKHOLE, name="..\\..\\x\u202e/../../etc/2026-06-17-event4_sinkhole-x.csv")
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))

    assert Intake.objects.get().name == "2026-06-17-event4_sinkhole-x.csv"
    assert Intake.objects.get().state == "done"
    assert list((store.path / "spool").glob("intake-*")) == []


def test_an_upload_that_is_too_large_is_cut_off_and_nothing_of_it_stays(
    analyst, settings, tmp_path
):
    settings.UPLOAD_LIMIT = 100_000
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "temporary")
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir()
    path = tmp_path / "large.csv"
    path.write_bytes(b"x" * 300_000)

    response = upload(analyst, path)

    assert response.status_code == 400
    assert "larger than 0 MiB" in text(response)
    assert (Intake.objects.count(), Evidence.objects.count()) == (0, 0)
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_what_waits_unchanged_is_not_sent_again(analyst, store, now):
    sent = upload(analyst, SINKHOLE)
    first = analyst.get(sent.url, headers={"HX-Request": "true"})
    again = analyst.get(
        sent.url, headers={"HX-Request": "true", "If-None-Match": first.headers["ETag"]}
    )
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    changed = analyst.get(
        sent.url, headers={"HX-Request": "true", "If-None-Match": first.headers["ETag"]}
    )

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert again.content == b""
    assert "Content-Security-Policy" not in again.headers  # the page keeps the nonce it has
    assert "hx-get" in first.content.decode()
    assert "hx-get" not in changed.content.decode()


# ── who sees what ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", [*PAGES, "/response/look-up", "/response/reports/add"])
def test_nobody_signed_in_is_asked_to(page):
    response = Client().get(page)

    assert response.status_code == 302
    assert response.url.startswith("/account/login/?next=/response/")


@pytest.mark.parametrize("page", [*PAGES, "/response/look-up", "/response/quarantine/"])
def test_without_a_mandate_nothing_opens_and_the_page_says_why(page, now):
    stranger = somebody("lantern-bank", "oversee", at=now)

    response = stranger.get(page)

    assert response.status_code == 403
    assert "Your mandate does not open this page" in text(response)


@pytest.mark.parametrize("page", ["/response/look-up", "/response/quarantine/"])
def test_a_provider_neither_looks_up_nor_reads_quarantine(provider, page):
    assert provider.get(page).status_code == 403


def test_a_provider_sees_its_own_deliveries_and_nobody_elses(provider, routed):
    page = text(provider.get("/response/deliveries/"))
    own = Delivery.objects.filter(party__slug="meadow-net")

    assert own.count() == 1
    assert "1 delivery" in page
    assert [name for name in others() if name in page] == []


def others() -> list[str]:
    return list(Party.objects.exclude(slug="meadow-net").values_list("name", flat=True))


def test_of_what_is_not_theirs_a_provider_reads_what_it_reads_of_what_is_not_there(
    provider, routed
):
    foreign = Delivery.objects.exclude(party__slug="meadow-net").first()
    report = Report.objects.first()
    for kind, uid in (
        ("deliveries", foreign.uid),
        ("reports", report.uid),
        ("reports/uploads", routed.uid),
        ("cases", NOT_THERE),
    ):
        there = provider.get(f"/response/{kind}/{uid}")
        absent = provider.get(f"/response/{kind}/{NOT_THERE}")

        assert there.status_code == absent.status_code == 404
        assert same(there).replace(str(uid), NOT_THERE) == same(absent)


def test_whose_report_it_was_learns_as_what_others_were_told_and_never_who(provider, store, now):
    sent = upload(provider, SINKHOLE)
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    page = provider.get(sent.url)
    told = Delivery.objects.exclude(party__slug="meadow-net").count()

    assert told > 3
    assert "network: " in text(page)
    assert [name for name in others() if name in page.content.decode()] == []


def test_a_provider_cannot_ask_for_a_preview(provider, store, now):
    upload(provider, SINKHOLE, purpose="preview")

    assert Intake.objects.get().purpose == "route"


def test_the_pages_of_one_party_are_the_same_with_and_without_what_is_hidden(analyst, store, now):
    provider = somebody("brook-telecom", "response.answer", at=now, name="bo")
    quiet = [same(provider.get(page)) for page in PAGES]
    rdp = SAMPLES / "demo" / "2026-06-17-phish_url-demo.csv"  # concerns others alone
    upload(analyst, rdp)
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))

    assert Delivery.objects.exclude(party__slug="brook-telecom").exists()
    assert not Delivery.objects.filter(party__slug="brook-telecom").exists()
    assert [same(provider.get(page)) for page in PAGES] == quiet


def test_the_file_of_a_delivery_is_given_for_a_reason_that_the_register_keeps(provider, routed):
    own = Delivery.objects.get(party__slug="meadow-net")
    foreign = Delivery.objects.exclude(party__slug="meadow-net").first()
    address = f"/response/deliveries/{own.uid}/file"

    silent = provider.post(address, {"why": " "})
    given = provider.post(address, {"why": "our ticket 7"})
    refused = provider.post(f"/response/deliveries/{foreign.uid}/file", {"why": "curious"})
    file = Client().get(given.headers["Location"])  # whoever holds the ticket, for a minute
    data = b"".join(file.streaming_content)

    assert (silent.status_code, given.status_code, refused.status_code) == (400, 302, 404)
    assert data.startswith(b"time.source,classification.taxonomy")
    assert "attachment" in file.headers["Content-Disposition"]
    consulted = RegisterRow.objects.filter(action="response:delivery:consult")
    assert [(row.subject, row.facts["why"]) for row in consulted] == [(own.uid, "our ticket 7")]


def test_quarantined_bytes_are_shown_for_a_reason_and_not_before(analyst, store, now):
    sent = upload(analyst, BROKEN)
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    run = Intake.objects.get().uid.hex
    listed = analyst.get("/response/quarantine/")
    silent = analyst.post("/response/quarantine/records", {"run": run, "why": ""})
    shown = analyst.post("/response/quarantine/records", {"run": run, "why": "case 7"})

    assert Intake.objects.get().outcome["quarantined"] > 0
    assert sent.status_code == 302
    assert BROKEN.name in text(listed)
    assert "tocsin-raw" not in listed.content.decode()
    assert silent.status_code == 400
    assert "tocsin-raw" in shown.content.decode()
    rows = RegisterRow.objects.filter(action="office:quarantine:consult")
    assert [(row.facts["why"], row.facts["what"]) for row in rows] == [("case 7", run)]


def test_a_list_of_reasons_quotes_nothing_of_the_records(analyst, store, now):
    upload(analyst, SINKHOLE)  # one of its rows names 192.0.2.300.12
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    page = text(analyst.get("/response/quarantine/"))
    shown = analyst.post(
        "/response/quarantine/records", {"run": Intake.objects.get().uid.hex, "why": "case 7"}
    )

    assert "'…' is no address" in page
    assert "192.0.2.300.12" not in page
    assert "192.0.2.300.12" in text(shown)


@pytest.mark.parametrize("run", ["../../../etc", "x" * 32, "%00", NOT_THERE])
def test_a_run_that_is_none_is_not_there(analyst, run):
    response = analyst.post("/response/quarantine/records", {"run": run, "why": "case 7"})

    assert response.status_code == 404
    assert not RegisterRow.objects.filter(action="office:quarantine:consult").exists()


def test_what_a_button_does_is_not_done_by_an_address(analyst, routed):
    own = Delivery.objects.first()
    rows = RegisterRow.objects.count()
    for page in (
        f"/response/deliveries/{own.uid}/file?why=x",
        "/response/quarantine/records?why=x",
        "/response/cases/many",
        f"/response/cases/{NOT_THERE}/step?step=close",
    ):
        response = analyst.get(page)

        assert response.status_code == 405
        assert "This is no page" in text(response)
    assert RegisterRow.objects.count() == rows


# ── looking up ───────────────────────────────────────────────────────────────────────────


def test_a_look_up_says_who_would_be_told_which_fields_and_why(analyst):
    response = analyst.get("/response/look-up", {"target": "192.0.2.7", "tlp": "TLP:AMBER"})
    page = text(response)

    assert response.status_code == 200
    assert "Meadow Net as network" in page
    assert "because 192.0.2.0/25 is in the remit of Meadow Net" in page
    assert "source.ip given 192.0.2.7" in page
    assert RegisterRow.objects.filter(action__startswith="response:").count() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"target": "no such thing !!", "tlp": "TLP:AMBER"}, "is no address, network, domain"),
        ({"target": "192.0.2.7", "tlp": "TLP:PINK"}, "Select a valid choice"),
        ({"target": "192.0.2.7", "tlp": "TLP:RED", "kind": "nonsense"}, "Select a valid choice"),
        ({"target": "192.0.2.7", "tlp": "TLP:AMBER", "port": "99999"}, "less than or equal"),
        ({"target": "", "tlp": "TLP:AMBER"}, "This field is required"),
        ({"target": "<script>alert(1)</script>", "tlp": "TLP:AMBER"}, "There is a problem"),
    ],
)
def test_what_cannot_be_looked_up_is_said_at_the_field(analyst, words, said):
    response = analyst.get("/response/look-up", words)

    assert said in text(response)
    assert "<script>alert" not in response.content.decode()


# ── lists ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_the_database_as_often_for_many_rows_as_for_few(page, analyst, routed):
    analyst.get(page)
    with CaptureQueriesContext(connection) as few:
        analyst.get(page)
    _many_more()
    with CaptureQueriesContext(connection) as many:
        analyst.get(page)

    assert len(many) == len(few)


def _many_more() -> None:
    """Thirty times as many deliveries."""
    rows = list(Delivery.objects.all())
    for number in range(30):
        for row in rows:
            row.pk, row.uid = None, None
            row.uid = Delivery._meta.get_field("uid").get_default()
            row.idempotency_key = f"{number}-{row.uid.hex}"
            row.save(force_insert=True)


def test_a_list_is_cut_into_pages_and_a_page_behind_the_last_is_the_last(analyst, routed):
    _many_more()
    total = Delivery.objects.count()
    last = -(-total // 50)

    assert f"Page 1 of {last}" in text(analyst.get("/response/deliveries/"))
    for number in (str(last), "99999", "9" * 30):
        page = text(analyst.get("/response/deliveries/", {"page": number}))
        assert (f"Page {last} of {last}" in page) is (len(number) < 9)
    assert "Page 1 of" in text(analyst.get("/response/deliveries/", {"page": "-1"}))


def test_an_export_holds_exactly_what_one_may_see(provider, analyst, routed):
    own = exported(provider)
    every = exported(analyst)
    lines = b"".join(provider.get("/response/deliveries/?as=json").streaming_content)

    assert {row["party"] for row in own} == {"meadow-net"}
    assert len(every) == Delivery.objects.count()
    assert [json.loads(line)["party"] for line in lines.splitlines()] == ["meadow-net"]


def exported(client: Client) -> list[dict[str, str]]:
    response = client.get("/response/deliveries/?as=csv")
    data = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(data)))


def test_no_cell_of_an_export_is_a_formula(analyst, routed):
    Delivery.objects.update(format="=cmd|' /C calc'!A0")

    assert {row["format"] for row in exported(analyst)} == {"'=cmd|' /C calc'!A0"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=nonsense", 400),
        ("run=nonsense", 404),
        ("run=" + NOT_THERE, 200),
        ("party=" + "x" * 5000, 200),
        ("party=%00", 200),
    ],
)
def test_hostile_filters_give_a_clear_page(analyst, routed, query, status):
    assert analyst.get(f"/response/deliveries/?{query}").status_code == status


# ── home, navigation, errors ─────────────────────────────────────────────────────────────


def test_home_says_what_waits_and_where(analyst, routed):
    Delivery.objects.update(state="parked")
    home = analyst.get("/")

    assert "Deliveries parked" in text(home)
    assert "/response/deliveries/?state=parked" in home.content.decode()


def test_the_navigation_leads_where_one_may_go_and_nowhere_else(analyst, provider):
    desk = analyst.get("/response/").content.decode()
    party = provider.get("/response/").content.decode()

    assert "/response/quarantine/" in desk
    assert "/response/quarantine/" not in party
    for page in (desk, party):
        assert page.count('aria-current="page"') == 1


def test_a_page_loads_nothing_from_elsewhere_and_has_no_inline_style(analyst, routed):
    for page in (*PAGES, f"/response/reports/uploads/{routed.uid}"):
        body = analyst.get(page).content.decode()

        assert " style=" not in body
        assert "<style" not in body
        assert "onclick" not in body
        assert 'src="http' not in body


# ── cases ────────────────────────────────────────────────────────────────────────────────


def test_a_provider_answers_a_case_and_the_desk_reads_it(provider, analyst, routed):
    case = Case.objects.filter(party__slug="meadow-net").first()
    answered = provider.post(
        f"/response/cases/{case.uid}/step", {"step": "acknowledge", "note": "ticket 7"}
    )
    page = text(analyst.get(f"/response/cases/{case.uid}"))
    case.refresh_from_db()

    assert answered.status_code == 302
    assert case.state == "acknowledged"
    assert "ticket 7" in page


def test_a_refusal_is_said_in_the_words_of_the_rules(provider, routed):
    case = Case.objects.filter(party__slug="meadow-net").first()
    provider.post(f"/response/cases/{case.uid}/step", {"step": "cure"})
    again = provider.post(f"/response/cases/{case.uid}/step", {"step": "act"}, follow=True)

    assert "Not done" in text(again)
    assert "case: an isp cannot act while cured." in text(again)


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("step", {"step": "acknowledge"}),
        ("step", {"step": "close"}),
        ("comment", {"text": "mine now"}),
        ("assign", {"person": ""}),
        ("tag", {"name": "mine"}),
    ],
)
def test_nobody_does_anything_in_a_case_of_others(provider, routed, verb, words):
    case = Case.objects.exclude(party__slug="meadow-net").first()
    rows = RegisterRow.objects.count()
    there = provider.post(f"/response/cases/{case.uid}/{verb}", words)
    absent = provider.post(f"/response/cases/{NOT_THERE}/{verb}", words)

    assert there.status_code == absent.status_code
    assert there.status_code in (403, 404)
    assert same(there).replace(str(case.uid), NOT_THERE) == same(absent)
    assert RegisterRow.objects.count() == rows


def test_many_cases_are_answered_at_once_and_those_of_others_are_not_there(provider, routed):
    own = Case.objects.filter(party__slug="meadow-net")
    foreign = Case.objects.exclude(party__slug="meadow-net").first()
    uids = [*(case.uid.hex for case in own), foreign.uid.hex, "nonsense"]
    done = provider.post("/response/cases/many", {"case": uids, "do": "cure"}, follow=True)
    foreign.refresh_from_db()

    assert {case.state for case in own.all()} == {"cured"}
    assert foreign.state != "cured"
    assert f"{own.count()} cases are changed." in text(done)
    assert "there is no case nonsense" in text(done)


def test_nothing_ticked_is_said(provider, routed):
    done = provider.post("/response/cases/many", {"do": "cure"}, follow=True)

    assert "No case was ticked." in text(done)


def test_an_export_of_cases_holds_exactly_what_one_may_see(provider, analyst, routed):
    def rows(client: Client) -> list[dict[str, str]]:
        data = b"".join(client.get("/response/cases/?as=csv").streaming_content).decode()
        return list(csv.DictReader(io.StringIO(data)))

    assert {row["party"] for row in rows(provider)} == {"meadow-net"}
    assert len(rows(analyst)) == Case.objects.count()


def test_a_text_in_a_case_is_text(analyst, routed):
    Case.objects.update(about='"><script>alert(1)</script>', family="=cmd")
    case = Case.objects.first()
    for page in ("/response/cases/", f"/response/cases/{case.uid}", "/response/"):
        assert "<script>alert" not in analyst.get(page).content.decode()
    data = b"".join(analyst.get("/response/cases/?as=csv").streaming_content).decode()
    assert {row["family"] for row in csv.DictReader(io.StringIO(data))} == {"'=cmd"}


@pytest.mark.parametrize("query", ["states=nonsense", "since=yesterday", "assigned=x", "text=%00"])
def test_a_filter_that_is_none_is_said_and_filters_nothing(analyst, routed, query):
    response = analyst.get(f"/response/cases/?{query}")

    assert response.status_code == 400
    assert "There is a problem" in text(response)


def test_filters_are_kept_under_a_name_and_are_ones_own(provider, analyst, routed):
    kept = analyst.post("/response/cases/save?kinds=phishing&states=open", {"name": "Phish"})
    saved = SavedFilter.objects.get()
    foreign = provider.post("/response/cases/save", {"drop": saved.uid.hex})
    page = analyst.get("/response/cases/").content.decode()

    assert kept.status_code == 302
    assert saved.filters == {"kinds": ["phishing"], "states": ["open"]}
    assert "?states=open&amp;kinds=phishing" in page or "?kinds=phishing&amp;states=open" in page
    assert "Phish" not in text(provider.get("/response/cases/"))
    assert foreign.status_code == 404
    analyst.post("/response/cases/save", {"drop": saved.uid.hex})
    assert SavedFilter.objects.count() == 0


def test_without_a_filter_there_is_nothing_to_keep(analyst, routed):
    done = analyst.post("/response/cases/save", {"name": "all"}, follow=True)

    assert "there is no filter to keep" in text(done)
    assert SavedFilter.objects.count() == 0


def test_events_of_a_case_are_shown_for_a_reason_and_to_those_they_concern(
    provider, analyst, routed
):
    own = Case.objects.filter(party__slug="meadow-net").order_by("-events").first()
    foreign = Case.objects.exclude(party__slug="meadow-net").first()
    address = f"/response/cases/{own.uid}/events"

    silent = analyst.post(address, {"why": " "})
    shown = analyst.post(address, {"why": "ticket 7"})
    party = provider.post(address)
    refused = provider.post(f"/response/cases/{foreign.uid}/events")

    assert (silent.status_code, refused.status_code) == (400, 404)
    for page in (shown, party):
        assert page.status_code == 200
        assert text(page).count("infected-system") == own.events
    looked = RegisterRow.objects.filter(action="response:case:consult").order_by("pk")
    assert [(row.subject, row.facts["why"]) for row in looked] == [
        (own.uid, "ticket 7"),
        (own.uid, f"case {own.reference}"),
    ]


def test_what_a_party_disowns_is_given_to_another_which_then_sees_it(
    provider, analyst, routed, now
):
    case = Case.objects.filter(party__slug="meadow-net").first()
    other = somebody("brook-telecom", "response.answer", at=now, name="bo")
    provider.post(f"/response/cases/{case.uid}/step", {"step": "disown"})
    wrong = analyst.post(f"/response/cases/{case.uid}/give-over", {"to": "nobody"}, follow=True)
    analyst.post(f"/response/cases/{case.uid}/give-over", {"to": "brook-telecom"})

    assert "There is no party of this short name." in text(wrong)
    assert other.get(f"/response/cases/{case.uid}").status_code == 200
    assert provider.get(f"/response/cases/{case.uid}").status_code == 404


def test_cases_of_one_party_are_merged_and_those_of_two_are_not(analyst, routed):
    own = list(Case.objects.filter(party__slug="meadow-net", relation="network")[:2])
    foreign = Case.objects.filter(party__slug="brook-telecom").first()
    one = analyst.post(
        "/response/cases/many", {"case": [own[0].uid.hex], "do": "merge"}, follow=True
    )
    two = [own[0].uid.hex, foreign.uid.hex]
    refused = analyst.post("/response/cases/many", {"case": two, "do": "merge"}, follow=True)
    both = [row.uid.hex for row in own]
    analyst.post("/response/cases/many", {"case": both, "do": "merge"})
    own[1].refresh_from_db()

    assert "One case alone cannot be merged." in text(one)
    assert "Not done" in text(refused)
    assert (own[1].state, own[1].merged_into) == ("merged", own[0])
    assert Case.objects.get(pk=foreign.pk).state != "merged"


def test_a_part_is_split_off_by_network(analyst, routed):
    case = Case.objects.filter(party__slug="meadow-net").order_by("-events").first()
    wrong = analyst.post(f"/response/cases/{case.uid}/split", {"within": "no net"}, follow=True)

    assert "Not done" in text(wrong)
    assert Case.objects.filter(split_from=case).count() == 0


# ── CSV of any kind ──────────────────────────────────────────────────────────────────────

GENERIC = SAMPLES / "generic-csv"


def send_mapped(client: Client, mapping: bytes) -> Any:
    file = SimpleUploadedFile("honeypot.csv", (GENERIC / "honeypot.csv").read_bytes())
    words = {"tlp": "TLP:AMBER", "format": "", "classification": "", "purpose": "route"}
    sent = {**words, "file": file, "mapping": SimpleUploadedFile("m.toml", mapping)}
    return client.post("/response/reports/add", sent)


def test_csv_of_any_kind_is_read_by_the_mapping_that_comes_with_it(analyst, store, now):
    sent = send_mapped(analyst, (GENERIC / "honeypot.toml").read_bytes())
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))
    page = text(analyst.get(sent.url))

    report = Report.objects.get()
    assert (report.format, report.rows, report.quarantined) == ("generic-csv", 3, 2)
    assert "rows read" in page


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (b"columns = [", "mapping is not TOML"),
        (b'[columns]\n"a" = "source.nose"\n', "source.nose"),
        (b"\xff\xfe", "the mapping is no UTF-8 text"),
        (b"#" * (64 * 1024 + 1), "a mapping has at most 64 KiB"),
    ],
)
def test_a_mapping_that_cannot_be_is_explained_and_nothing_is_taken_in(analyst, mapping, said):
    answer = send_mapped(analyst, mapping)

    assert (answer.status_code, said in text(answer)) == (400, True)
    assert not Intake.objects.exists()


def test_a_mapping_whose_columns_the_report_has_not_fails_in_words(analyst, store, now):
    sent = send_mapped(analyst, b'[columns]\n"Nobody" = "source.ip"\n')
    work(store.path, OVERLAY, at=now + timedelta(seconds=5))

    assert "Nobody was told" in text(analyst.get(sent.url))
    assert "Nobody" in Intake.objects.get().error
