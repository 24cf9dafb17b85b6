"""Which desks a node runs: a provider's has no counter for anything else."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.node.conftest import Said, spawn
from tocsin.node.desks import DESKS, running

__all__ = ["spawn"]
RESPONSE, SHIELD, SUBSCRIBERS = DESKS

# What a process has that was started with these desks.
SEEN = """
import json, os
from pathlib import Path
from tocsin.node.store import open_store
open_store(Path("store"))
from django.test import Client
from tocsin.node.api.site import api
from tocsin.node.jobs import recurring
from tocsin.office.front import sections
asked = Client(headers={"host": "localhost"})
paths = ["/", "/response/cases/", "/shield/check", "/subscribers/check"]
print(json.dumps({
    "pages": {path: asked.get(path).status_code for path in paths},
    "calls": sorted({path.split("/")[3] for path in api.get_openapi_schema()["paths"]}),
    "jobs": sorted(recurring()),
    "sections": [str(section.name) for section in sections()],
}))
"""


def test_without_the_setting_all_are_run() -> None:
    assert running("") == running("  ") == DESKS


def test_named_desks_are_run_in_the_order_of_the_house() -> None:
    assert running(" shield, response,") == (RESPONSE, SHIELD)
    assert running("subscribers") == (SUBSCRIBERS,)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("subscribers,mail", "there is no desk 'mail'. Possible: response, shield, subscribers"),
        ("Shield", "there is no desk 'Shield'"),
        (",", "names none. Possible: response, shield, subscribers"),
    ],
)
def test_an_unknown_desk_is_refused_with_what_is_possible(text: str, fault: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=fault):
        running(text)


def test_a_mistake_is_told_to_the_operator_and_is_no_traceback(
    spawn: Callable[..., Said],
) -> None:
    done = spawn("subscribers", "contacts", "x.csv", TOCSIN_DESKS="subscriber")

    assert done.code != 0
    assert "there is no desk 'subscriber'. Possible: response, shield, subscribers" in done.err
    assert "Traceback" not in done.err


def test_what_is_not_run_has_no_page_no_call_no_job_and_its_reports_still_come_in(
    tmp_path, clean_env
) -> None:
    seen = _seen(tmp_path, {**clean_env, "TOCSIN_DESKS": "subscribers"})

    assert seen["pages"] == {
        "/": 200,
        "/response/cases/": 404,
        "/shield/check": 404,
        "/subscribers/check": 200,
    }
    assert not {"cases", "deliveries", "reports", "shield"} & {*seen["calls"]}
    assert {"look-up-lines", "take-in", "read-mailbox", "watch-folder"} <= {*seen["jobs"]}
    assert not {"tell-cases", "publish-zone"} & {*seen["jobs"]}
    assert not {"Response", "Shield"} & {*seen["sections"]}


def test_all_desks_have_theirs(tmp_path, clean_env) -> None:
    seen = _seen(tmp_path, clean_env)

    assert [*seen["pages"].values()] == [200, 302, 200, 200]
    assert {"cases", "deliveries", "reports", "shield"} <= {*seen["calls"]}
    assert {"look-up-lines", "take-in", "tell-cases", "publish-zone"} <= {*seen["jobs"]}
    assert {"Response", "Shield"} <= {*seen["sections"]}


def _seen(folder, env) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", SEEN], cwd=folder, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
