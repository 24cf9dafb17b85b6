"""What came in is kept as the class of evidence it is: prohibited material never."""

import json
from pathlib import Path

import pytest

from tests.desks.conftest import SAMPLES
from tocsin.desks.response.queries import quarantined
from tocsin.office import evidence
from tocsin.office.models import Evidence
from tocsin.words.errors import Refused

pytestmark = pytest.mark.usefixtures("parties")

SECRET = "c2VjcmV0LXBpY3R1cmUtYnl0ZXM="


def prohibited_report(folder: Path) -> Path:
    """A report of prohibited material with a picture in it, beside an ordinary one."""
    ordinary = json.loads((SAMPLES / "xarf" / "one-report.json").read_text("utf-8"))
    bad = {
        **ordinary,
        "report_id": "7f1d7f4e-9c1e-4b0e-8c52-5a2f0f4b7a01",
        "category": "content",
        "type": "csam",
        "url": "http://203.0.113.9/picture",
        "evidence": [{"content_type": "image/png", "payload": SECRET}],
    }
    path = folder / "reports.json"
    path.write_text(json.dumps([ordinary, bad], indent=1), "utf-8")
    return path


def test_prohibited_material_leaves_nothing_but_digest_and_size(route, store, tmp_path) -> None:
    outcome = route(prohibited_report(tmp_path))

    kept = Evidence.objects.get()
    assert (kept.evidence_class, kept.stored_size, bytes(kept.key)) == ("prohibited", 0, b"")
    assert [report.quarantined for report in outcome.reports] == [1]
    assert quarantined(store.quarantine)["raw"].to_list() == [b""]
    leaking = [
        path
        for path in store.path.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    assert leaking == []
    with pytest.raises(Refused):
        list(evidence.read(kept.digest, store_folder=store.path))


def test_the_ordinary_report_beside_prohibited_material_flows(route, tmp_path) -> None:
    assert route(prohibited_report(tmp_path)).totals.events == 1


def test_what_a_citizen_sent_is_kept_as_a_citizens_message(route) -> None:
    route(SAMPLES / "phishing-mail" / "gmail-inline-pl.eml")

    assert [kept.evidence_class for kept in Evidence.objects.all()] == ["citizen-message"]
