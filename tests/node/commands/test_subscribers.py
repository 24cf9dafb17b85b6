"""`tocsin subscribers`: a log in, an honest answer out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.node.cli import app

SAMPLES = Path(__file__).parents[3] / "samples" / "leases"
pytestmark = pytest.mark.usefixtures("own_database")


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["subscribers", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_from_the_log_to_the_line(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    log = str(SAMPLES / "freeradius-detail" / "detail-20261123")

    read = json.loads(said("import", log, "--source", "radius", "--store", store, "--json"))
    found = json.loads(
        said("whose", "192.0.2.30", "--at", "2026-11-23T09:30:00Z", "--why", "report 17",
             "--store", store, "--json")
    )  # fmt: skip
    listed = said("sources", "--store", store)

    assert {key: read["files"][0][key] for key in ("format", "messages", "spans", "refused")} == {
        "format": "freeradius-detail", "messages": 7, "spans": 3, "refused": 0,
    }  # fmt: skip
    assert (found["outcome"], len(found["lines"])) == ("exactly one line", 1)
    assert "radius" in listed
    assert "2026-11-23T10:00" in listed
