"""Known vulnerabilities of what the lock files pin, by pip-audit (PyPI's advisories).

    python -m tests.audit requirements.lock requirements-dev.lock

Ends with 1 for a known vulnerability, and for packages that could not be looked up while others
could. Where no advisory can be had at all (a machine without the internet), nothing was audited: it
says so in as many words and ends with 0, so that work there goes on; TOCSIN_AUDIT=strict makes that
1 too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """What came of looking everything up."""

    looked_up: tuple[str, ...]
    skipped: tuple[str, ...]
    vulnerable: tuple[str, ...]

    def lines(self) -> list[str]:
        """What to say of it."""
        if self.vulnerable:
            return [f"vulnerable: {line}" for line in self.vulnerable]
        if not self.looked_up:
            nothing = f"no advisory could be had for any of {len(self.skipped)} packages"
            return [f"NOTHING was audited; {nothing}. Run make audit where PyPI can be reached."]
        said = [f"no known vulnerability in {len(self.looked_up)} packages"]
        return said + [f"not looked up: {name}" for name in self.skipped]

    def code(self, *, strict: bool) -> int:
        """The exit code: 1 for what must not go on."""
        if self.vulnerable or (self.looked_up and self.skipped):
            return 1
        return int(strict and not self.looked_up)


def judge(found: Mapping[str, Any]) -> Verdict:
    """Read what `pip-audit --format json` says."""
    rows = found["dependencies"]
    known = [row for row in rows if "skip_reason" not in row]
    return Verdict(
        looked_up=tuple(row["name"] for row in known),
        skipped=tuple(row["name"] for row in rows if "skip_reason" in row),
        vulnerable=tuple(
            f"{row['name']} {row['version']}: {one['id']}, mended in "
            f"{', '.join(one.get('fix_versions', [])) or 'no version yet'}"
            for row in known
            for one in row.get("vulns", [])
        ),
    )


def main(files: Sequence[str]) -> int:
    """Audit lock files, each by itself; the worst of their codes."""
    strict = os.environ.get("TOCSIN_AUDIT") == "strict"
    codes = []
    for file in files:
        verdict = judge(_audited(file))
        for line in verdict.lines():
            sys.stdout.write(f"{file}: {line}\n")
        codes.append(verdict.code(strict=strict))
    return max(codes, default=0)


def _audited(file: str) -> Mapping[str, Any]:
    words = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *words, "-r", file],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"dependencies": [{"name": file, "skip_reason": last}]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
