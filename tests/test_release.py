"""A release: the same bytes twice, every part listed, signed so that anybody can verify it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.house.source import REPOSITORY

PACKAGES = REPOSITORY / "src/tocsin/node/frontend/node_modules"
AUTHOR = ["-c", "user.name=Maintainer", "-c", "user.email=maintainer@tocsin.example"]
SIGNERS = 'release@tocsin namespaces="tocsin-release" '


def needed() -> None:
    """Skips where a release cannot be made at all."""
    if not (REPOSITORY / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout, and git: apt-get install git")
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen: apt-get install openssh-client")
    if not PACKAGES.is_dir():
        pytest.skip("needs the packages that pages are made of: make .venv/.frontend")


def git(clone: Path, *words: str) -> str:
    command = ["git", "-c", f"safe.directory={clone}", *AUTHOR, *words]
    return subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout


def release(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m release` in a clone, as `make release` calls it."""
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "release", *words]
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commit that is checked out, with a changelog that tells of its version."""
    needed()
    made = tmp_path_factory.mktemp("release") / "clone"
    command = [
        "git",
        "-c",
        f"safe.directory={REPOSITORY}",
        "-c",
        f"safe.directory={REPOSITORY}/.git",
    ]
    command += ["clone", "-q", "--no-tags", str(REPOSITORY), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copytree(PACKAGES, made / PACKAGES.relative_to(REPOSITORY), symlinks=True)
    changes = (made / "CHANGELOG.md").read_text("utf-8")
    told = changes.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.1.0] - 2026-11-23\n", 1)
    (made / "CHANGELOG.md").write_text(told, encoding="utf-8")
    git(made, "commit", "-qam", "Tocsin 0.1.0")
    return made


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys") / "maintainer")


def make_key(path: Path, kind: str = "ed25519") -> Path:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def made(clone: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the clone; that two builds gave the same bytes it has checked itself."""
    out = tmp_path_factory.mktemp("out")
    done = release(clone, "--key", str(key), "--out", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    return out / "tocsin-0.1.0"


def test_a_release_is_wheel_sdist_parts_checksums_and_signature(made):
    names = sorted(path.name for path in made.iterdir())

    assert names == [
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "tocsin-0.1.0-py3-none-any.whl",
        "tocsin-0.1.0.cdx.json",
        "tocsin-0.1.0.tar.gz",
    ]


def test_another_build_of_the_same_commit_by_somebody_else_gives_the_same_bytes(
    clone, made, tmp_path
):
    other = make_key(tmp_path / "somebody")

    done = release(clone, "--key", str(other), "--out", str(tmp_path / "out"))

    assert done.returncode == 0, done.stderr
    again = tmp_path / "out" / "tocsin-0.1.0"
    assert (again / "SHA256SUMS").read_bytes() == (made / "SHA256SUMS").read_bytes()
    assert (again / "SHA256SUMS.sig").read_bytes() != (made / "SHA256SUMS.sig").read_bytes()


def test_what_is_built_bears_the_moment_of_the_commit_and_what_pages_load(clone, made):
    seconds = int(git(clone, "log", "-1", "--format=%ct"))
    with zipfile.ZipFile(made / "tocsin-0.1.0-py3-none-any.whl") as wheel:
        names = wheel.namelist()
        dated = {entry.date_time for entry in wheel.infolist()}

    assert {
        f"tocsin/node/static/vendor/{name}" for name in ("govuk.css", "govuk.js", "htmx.js")
    } <= {*names}
    assert [name for name in names if "node_modules" in name] == []
    assert {moment[:5] for moment in dated} == {time.gmtime(seconds)[:5]}


def test_every_catalogue_of_translations_is_compiled_in_the_wheel(clone, made):
    written = git(clone, "ls-files", "src/tocsin/node/locale/*.po").split()
    with zipfile.ZipFile(made / "tocsin-0.1.0-py3-none-any.whl") as wheel:
        compiled = [name for name in wheel.namelist() if name.endswith(".mo")]

    assert sorted(compiled) == sorted(
        name.removeprefix("src/").removesuffix(".po") + ".mo" for name in written
    )


def test_checksums_are_those_of_the_files(made):
    lines = (made / "SHA256SUMS").read_text("ascii").splitlines()

    assert lines == [
        f"{sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted(made.iterdir())
        if not path.name.startswith("SHA256SUMS")
    ]


def verified(made: Path, key: Path, tmp_path: Path, sums: bytes) -> bool:
    """As docs/how-to/verify-a-release.md says it is done."""
    signers = tmp_path / "tocsin-signers"
    signers.write_text(SIGNERS + key.with_suffix(".pub").read_text("utf-8"), encoding="utf-8")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "release@tocsin"]
    command += ["-n", "tocsin-release", "-s", str(made / "SHA256SUMS.sig")]
    return subprocess.run(command, input=sums, capture_output=True, check=False).returncode == 0


def test_the_signature_is_the_maintainers_over_these_checksums_and_nothing_else(
    made, key, tmp_path
):
    sums = (made / "SHA256SUMS").read_bytes()
    stranger = make_key(tmp_path / "stranger")

    assert verified(made, key, tmp_path, sums)
    assert not verified(made, key, tmp_path, sums.replace(b"0", b"1", 1))
    assert not verified(made, stranger, tmp_path, sums)


@pytest.fixture
def parts(made: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]]
    listed = json.loads((made / "tocsin-0.1.0.cdx.json").read_text("utf-8"))["components"]
    return listed


def test_the_bill_of_materials_holds_to_its_schema(made):
    text = (made / "tocsin-0.1.0.cdx.json").read_text("utf-8")

    assert json.loads(text)["specVersion"] == "1.6"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_bill_lists_every_pin_with_every_hash_and_a_licence(clone, parts):
    text = (clone / "requirements.lock").read_text("utf-8")
    runs = [part for part in parts if part["purl"].startswith("pkg:pypi/")]
    runs = [part for part in runs if part["scope"] != "optional"]

    assert {f"{part['name']}=={part['version']}" for part in runs} == {
        *re.findall(r"^([a-z0-9.-]+==[^ ;]+)", text, re.MULTILINE)
    }
    assert sorted(one["content"] for part in runs for one in part["hashes"]) == sorted(
        re.findall(r"sha256:([0-9a-f]{64})", text)
    )
    assert [part["name"] for part in parts if not part.get("licenses")] == []


def test_the_bill_tells_what_runs_from_what_is_extra_and_what_only_builds(parts):
    scopes = {part["name"]: part["scope"] for part in parts}
    python = ("django", "hatchling", "xmlsec", "psycopg", "pysequoia", "rfc3161-client")
    npm = ("govuk-frontend", "htmx.org", "axe-core")

    assert [scopes[name] for name in (*python, *npm)] == [
        *("required", "excluded", "optional", "optional", "optional", "optional"),
        *("required", "required", "excluded"),
    ]


def test_the_bill_says_what_needs_what(made):
    listed = json.loads((made / "tocsin-0.1.0.cdx.json").read_text("utf-8"))
    needs = {
        one["ref"].partition("@")[0]: one.get("dependsOn", []) for one in listed["dependencies"]
    }

    assert "pypi:django" in {ref.partition("@")[0] for ref in needs["tocsin"]}
    assert [ref.partition("@")[0] for ref in needs["pypi:django"]] == [
        "pypi:asgiref",
        "pypi:sqlparse",
        "pypi:tzdata",
    ]


# ── refusals ─────────────────────────────────────────────────────────────────────────────


def test_no_release_without_a_key(clone, tmp_path):
    done = release(clone, "--out", str(tmp_path / "out"))

    assert done.returncode == 1
    assert done.stderr == (
        "No release: no key was named, and a release nobody signed is nobody's. "
        "Possible: make release KEY=~/.ssh/id_ed25519 (a new one: ssh-keygen -t ed25519)\n"
    )
    assert not (tmp_path / "out").exists()


def test_no_release_by_a_key_of_another_kind(clone, tmp_path):
    other = make_key(tmp_path / "old", "ecdsa")

    done = release(clone, "--key", str(other), "--out", str(tmp_path / "out"))

    assert done.returncode == 1
    assert "is no Ed25519 key. Possible: ssh-keygen -t ed25519 makes one" in done.stderr


def test_no_release_by_what_is_no_key(clone, tmp_path):
    (tmp_path / "letter").write_text("Dear maintainers", encoding="utf-8")

    done = release(clone, "--key", str(tmp_path / "letter"), "--out", str(tmp_path / "out"))

    assert done.stderr.endswith("letter is no key that OpenSSH can read\n")


def test_no_release_of_what_is_not_committed(clone, key, tmp_path):
    (clone / "forgotten.py").write_text("", encoding="utf-8")
    try:
        done = release(clone, "--key", str(key), "--out", str(tmp_path / "out"))
    finally:
        (clone / "forgotten.py").unlink()

    assert done.returncode == 1
    assert done.stderr == (
        "No release: the checkout differs from its commit, so nobody could build the same. "
        "Possible: commit, remove or ignore these:\n  ?? forgotten.py\n"
    )


def test_no_release_of_a_version_the_changelog_does_not_tell_of(clone, key, tmp_path):
    git(clone, "checkout", "-q", "HEAD~1")
    try:
        done = release(clone, "--key", str(key), "--out", str(tmp_path / "out"))
    finally:
        git(clone, "checkout", "-q", "-")

    assert done.returncode == 1
    assert "CHANGELOG.md has no heading for 0.1.0" in done.stderr


def test_no_release_of_a_version_that_is_another_commit(clone, key, tmp_path):
    git(clone, "tag", "v0.1.0", "HEAD~1")
    try:
        done = release(clone, "--key", str(key), "--out", str(tmp_path / "out"))
    finally:
        git(clone, "tag", "-d", "v0.1.0")

    assert done.returncode == 1
    assert "v0.1.0 is the tag of another commit" in done.stderr
