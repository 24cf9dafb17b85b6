"""Operating a node: metrics for those who may, logs that name nobody, settings that are safe."""

import json
import logging
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tocsin.node.logs import AsJson
from tocsin.node.secure import require_secure
from tocsin.office.models import Delivery, Job, Party, Run, Worker
from tocsin.words.errors import Unusable

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "sampled-visitor-7731"


@pytest.fixture
def busy(at) -> None:
    """A node with something of everything, all of it under a name that must not get out."""
    words = {"channel": "mail", "format": "idf-csv", "created_at": at, "updated_at": at}
    party = Party.objects.create(slug=SECRET, name=SECRET, role="isp", **words)
    run = Run.objects.create(kind="route", at=at, started_at=at, state="done")
    Delivery.objects.create(
        run=run, party=party, relation="network", format="idf-csv", channel="mail", path="x",
        digest="d", size=1, rows=1, manifest_path="m", manifest_digest="d", tlp="TLP:AMBER",
        next_attempt_at=at, idempotency_key="k", created_at=at, last_error=SECRET, state="parked",
    )  # fmt: skip
    Job.objects.create(name="publish-log", next_attempt_at=at, last_error=SECRET)
    Worker.objects.create(owner=SECRET, version="1", started_at=at, seen_at=at)


def lines(answer) -> dict[str, str]:
    rows = answer.content.decode().splitlines()
    return dict(row.rsplit(" ", 1) for row in rows if not row.startswith("#"))


def test_metrics_are_figures_of_the_node_and_name_nobody(busy) -> None:
    answer = Client().get("/metrics")
    found = lines(answer)

    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert found['tocsin_deliveries{state="parked",channel="mail"}'] == "1"
    assert found['tocsin_job_failing{job="publish-log"}'] == "1"
    assert found["tocsin_jobs_late"] == "1"
    assert found["tocsin_workers"] == "0"
    assert SECRET not in answer.content.decode()
    described = [row for row in answer.content.decode().splitlines() if row.startswith("# TYPE")]
    assert len(described) == len({name.partition("{")[0] for name in found})


@pytest.mark.parametrize(
    "words",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.7"},
    ],
)
def test_without_a_token_metrics_are_for_this_machine_alone(words) -> None:
    assert Client().get("/metrics", **words).status_code == 404


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer a-long-token", 200),
        ("a-long-token", 200),
        ("Bearer a-long-toke", 404),
        ("Bearer ", 404),
        ("", 404),
        ("Bearer ä", 404),
    ],
)
def test_with_a_token_file_metrics_ask_for_it(given, status, tmp_path, monkeypatch) -> None:
    (tmp_path / "token").write_text("a-long-token\n")
    monkeypatch.setenv("TOCSIN_METRICS_TOKEN_FILE", str(tmp_path / "token"))
    answer = Client().get("/metrics", REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION=given)

    assert answer.status_code == status


def test_an_empty_or_missing_token_file_opens_nothing(tmp_path, monkeypatch) -> None:
    for name in ("empty", "missing"):
        monkeypatch.setenv("TOCSIN_METRICS_TOKEN_FILE", str(tmp_path / name))
        (tmp_path / "empty").write_text("\n")
        assert Client().get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


# ── logs ─────────────────────────────────────────────────────────────────────────────────


def test_a_line_of_the_log_names_the_route_and_nothing_of_the_visitor(caplog) -> None:
    caplog.set_level(logging.INFO, "tocsin.request")
    with caplog.at_level(logging.INFO):
        Client().get(
            f"/log/{SECRET}?q={SECRET}", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT=SECRET,
            HTTP_REFERER=f"https://{SECRET}.example/",
        )  # fmt: skip
    (record,) = [row for row in caplog.records if row.name == "tocsin.request"]
    line = AsJson().format(record)
    facts = json.loads(line)

    assert SECRET not in line
    assert "192.0.2.7" not in line
    assert {name: facts[name] for name in ("method", "route", "status", "said", "level")} == {
        "method": "GET",
        "route": "log/<path:path>",
        "status": 404,
        "said": "answered",
        "level": "info",
    }


def test_an_error_is_logged_with_its_place_and_without_its_values() -> None:
    try:
        int(SECRET)
    except ValueError:
        logger = logging.getLogger("django.request")
        record = logger.makeRecord(
            "django.request", logging.ERROR, __file__, 1, "failed: %s", (SECRET,), _info()
        )
    facts = json.loads(AsJson().format(record))

    assert SECRET not in json.dumps(facts)
    assert (facts["said"], facts["error"]) == ("failed: %s", "ValueError")
    assert "test_operating.py" in facts["where"][0]


def _info():
    import sys

    return sys.exc_info()


# ── settings ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def safe(store, monkeypatch, settings):
    django_settings._wrapped.SECRET_KEY = "x" * 60  # a suite without a store has none
    monkeypatch.delenv("TOCSIN_SMTP_STARTTLS", raising=False)
    require_secure(store.path)
    yield store
    django_settings._wrapped.SECRET_KEY = ""


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("SECRET_KEY", "short", "too short"),
        ("ALLOWED_HOSTS", ["*"], r"TOCSIN_HOSTS=\* answers under any name"),
        ("ALLOWED_HOSTS", [".example"], "answers under any name"),
    ],
)
def test_what_is_not_safe_does_not_start(safe, settings, setting, value, said) -> None:
    setattr(settings, setting, value)

    with pytest.raises(Unusable, match=said):
        require_secure(safe.path)


def test_debugging_is_for_this_machine_alone(safe, settings) -> None:
    settings.DEBUG = True
    require_secure(safe.path)
    settings.IS_LOCAL = False

    with pytest.raises(Unusable, match="TOCSIN_DEBUG shows errors to strangers"):
        require_secure(safe.path)


@pytest.mark.parametrize("debug", [False, True])
def test_what_answers_without_tls_is_reached_from_this_machine_alone(safe, settings, debug) -> None:
    settings.DEBUG = debug
    for here in ("localhost", "127.0.0.1", "::1", "127.8.0.1"):
        require_secure(safe.path, listen=here)
    for elsewhere in ("0.0.0.0", "::", "192.0.2.2", "2001:db8::2"):
        with pytest.raises(Unusable, match=f"--listen {elsewhere} is reached from elsewhere"):
            require_secure(safe.path, listen=elsewhere)
    settings.IS_LOCAL, settings.DEBUG, settings.PROXIES = False, False, 1
    require_secure(safe.path, listen="0.0.0.0")


def test_keys_that_others_can_read_are_named(safe) -> None:
    (safe.keys / "one.key").write_bytes(b"x")
    (safe.keys / "one.key").chmod(0o644)

    with pytest.raises(Unusable, match=r"one\.key can be read by others. Possible: chmod go="):
        require_secure(safe.path)


def test_mail_in_clear_stays_on_this_machine(safe, monkeypatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_STARTTLS", "off")
    for host in ("127.0.0.1", "[::1]", "localhost"):
        monkeypatch.setenv("TOCSIN_SMTP_HOST", host)
        require_secure(safe.path)
    monkeypatch.setenv("TOCSIN_SMTP_HOST", "mail.example")

    with pytest.raises(Unusable, match=r"sends mail to mail\.example in clear"):
        require_secure(safe.path)


def test_a_worker_seen_a_moment_ago_counts(at, monkeypatch) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    Worker.objects.create(owner="a", version="1", started_at=now, seen_at=now)
    Worker.objects.create(
        owner="b", version="1", started_at=now, seen_at=now - timedelta(minutes=3)
    )

    assert lines(Client().get("/metrics"))["tocsin_workers"] == "1"


@pytest.mark.parametrize(
    "words",
    [
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_FORWARDED_HOST": "cert.example"},
        {"HTTP_X_REAL_IP": "192.0.2.7"},
        {"HTTP_VIA": "1.1 proxy"},
        {"HTTP_HOST": "testserver"},
        {"HTTP_HOST": "testserver:443"},
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_this_machine(words) -> None:
    assert Client().get("/metrics", REMOTE_ADDR="127.0.0.1", **words).status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
def test_this_machine_asks_by_its_own_name(host, settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert Client().get("/metrics", HTTP_HOST=host).status_code == 200
