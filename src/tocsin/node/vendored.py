"""Makes the files that pages load, out of npm packages: `python -m tocsin.node.vendored`.

GOV.UK Frontend without what belongs to GOV.UK alone (its typeface and crest), and htmx. Nothing of
it is committed: the packages come by npm at set-up, pinned by digest in `frontend/`, and what is
made of them lies beside our own files, ignored by git.
"""

import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE / "frontend" / "node_modules"
MADE = HERE / "static" / "vendor"
_FACE = re.compile(r"@font-face\{[^}]*\}")
_CREST = re.compile(r"[^{}]*\{[^{}]*url\([^)]*(?:crest|/assets/)[^)]*\)[^{}]*\}")
_TYPE = re.compile(r"GDS Transport,\s*arial,\s*sans-serif", re.IGNORECASE)
_COMMENT = re.compile(r"(?:/\*#|//#)\s*sourceMappingURL=[^\n]*")


def stylesheet(text: str) -> str:
    """GOV.UK Frontend's, without its typeface and crest, and without files it would load."""
    plain = _TYPE.sub("var(--type)", _CREST.sub("", _FACE.sub("", _COMMENT.sub("", text))))
    left = re.findall(r"url\((?!data:)[^)]*\)|GDS Transport", plain)
    if left:
        raise SystemExit(f"the stylesheet still names {left[0]}: node/vendored.py must learn of it")
    return plain


def make() -> list[Path]:
    """Write what pages load; raises `SystemExit` where the packages are not there."""
    govuk = MODULES / "govuk-frontend" / "dist" / "govuk"
    if not govuk.is_dir():
        raise SystemExit(f"{MODULES} is not there. Possible: make .venv/.frontend")
    MADE.mkdir(parents=True, exist_ok=True)
    css = (govuk / "govuk-frontend.min.css").read_text(encoding="utf-8")
    (MADE / "govuk.css").write_text(stylesheet(css), encoding="utf-8")
    for source, name in (
        (govuk / "govuk-frontend.min.js", "govuk.js"),
        (MODULES / "htmx.org" / "dist" / "htmx.min.js", "htmx.js"),
    ):
        script = _COMMENT.sub("", source.read_text(encoding="utf-8"))
        (MADE / name).write_text(script, encoding="utf-8")
    for package, name in (("govuk-frontend", "govuk"), ("htmx.org", "htmx")):
        for licence in (MODULES / package).glob("LICENSE*"):
            shutil.copyfile(licence, MADE / f"{name}.LICENSE.txt")
    return sorted(MADE.iterdir())


if __name__ == "__main__":
    sys.stdout.write("".join(f"{path.name} {path.stat().st_size:,}\n" for path in make()))
