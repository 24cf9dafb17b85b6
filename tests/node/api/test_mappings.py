"""CSV of any kind by API: a form with the report and its mapping."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.node.api.conftest import SAMPLES
from tocsin.desks.response.models import Intake, Report

GENERIC = SAMPLES / "generic-csv"


def send(caller, **files: bytes):
    """One form with these parts."""
    parts = {name: SimpleUploadedFile(f"{name}.bin", data) for name, data in files.items()}
    body = encode_multipart(BOUNDARY, parts)
    return caller("POST", "/reports", body, content_type=MULTIPART_CONTENT)


def test_a_report_is_read_by_the_mapping_that_comes_with_it(desk, work) -> None:
    report, mapping = (GENERIC / f"honeypot.{end}" for end in ("csv", "toml"))
    sent = send(desk, file=report.read_bytes(), mapping=mapping.read_bytes())
    assert sent.status_code == 202, sent.content
    work()

    assert Report.objects.get().format == "generic-csv"
    assert desk.json(f"/reports/{sent.json()['id']}")["state"] == "done"


def test_a_mapping_that_cannot_be_is_refused_in_words(desk) -> None:
    report = (GENERIC / "honeypot.csv").read_bytes()
    wrong = send(desk, file=report, mapping=b"columns = [")
    other = send(desk, file=report, nothing=b"x")

    assert (wrong.status_code, "is not TOML" in wrong.json()["detail"]) == (400, True)
    assert (other.status_code, "one named mapping" in other.json()["detail"]) == (422, True)
    assert not Intake.objects.exists()
