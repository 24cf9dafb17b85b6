"""The catalogues of translations: `python -m tocsin.node.catalogues update | compile | status`.

`update` reads every page, every gettext call and the tables of words that people see, and writes
`locale/django.pot` and each language's `django.po`. `compile` makes of them what programs read:
`django.mo`, and `languages.json` with how far each language is; set-up and the building of a wheel
do it (`hatch_build.py`), and git ignores both. Babel is needed for that and never to run a node.
"""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, cast

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
ROOMS = ("desks", "node", "office")  # where Django lives
LOCALE = HERE / "locale"
TEMPLATE = "django.pot"
FIGURES = "languages.json"
# Where words stand that pages show and that are not marked one by one: `module:function`, which
# gives the texts.
TABLES = ("tocsin.office.templatetags.words:table_words", "tocsin.office.sentences:sentences")
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_DATED = re.compile(
    r'^"(?:POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team).*\n',
    re.MULTILINE,
)
_NO_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_STATUS = re.compile(r"^# (status|reviewed by|reviewed on):[ ]*(.*)$", re.MULTILINE)
_HEAD = """\
# {name} texts of Tocsin; the source is English.
# status: machine
# reviewed by:
# reviewed on:"""


# ── reading the sources ──────────────────────────────────────────────────────────────────


def extracted(package: Path = HERE.parent) -> Catalog:
    """Every text of the pages, the code and the tables, with the files it stands in."""
    found = _catalogue(None)
    found.header_comment = "# Texts of Tocsin, out of its sources: `make messages` writes this."
    for path in _sources(package):
        place = path.relative_to(package.parent.parent).as_posix()
        for _line, text, notes, context in _texts_in(path):
            found.add(text, None, [(place, 0)], auto_comments=notes, context=context)
    for table in TABLES:
        module, _, name = table.partition(":")
        for text in getattr(importlib.import_module(module), name)():
            found.add(text, None, [(f"src/{module.replace('.', '/')}.py", 0)])
    return found


def _sources(package: Path) -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((package / room).rglob("*")):
            is_page = path.suffix in (".html", ".txt") and "templates" in path.parts
            if "node_modules" not in path.parts and (is_page or path.suffix == ".py"):
                yield path


def _texts_in(path: Path) -> Iterator[tuple[int, Any, list[str], str | None]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        from django.utils.translation.template import templatize

        source = f"({templatize(source)})"  # inside a bracket its margins mean nothing
    file = BytesIO(source.encode())
    yield from extract("python", cast("Any", file), KEYWORDS, ("Translators:",), {})


# ── catalogues ───────────────────────────────────────────────────────────────────────────


def _catalogue(language: str | None) -> Catalog:
    return Catalog(locale=language, domain="django", project="Tocsin", fuzzy=False)


def languages() -> list[str]:
    """The languages that have a catalogue."""
    return sorted(path.parent.parent.name for path in LOCALE.glob("*/LC_MESSAGES/django.po"))


def po_of(language: str) -> Path:
    """Where the texts of a language stand."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The catalogue of a language as it is on file."""
    with po_of(language).open("rb") as file:
        return read_po(file, locale=language, domain="django", abort_invalid=True)


def template() -> Catalog:
    """The texts as they were extracted last."""
    with (LOCALE / TEMPLATE).open("rb") as file:
        return read_po(file, domain="django")


def update(*more: str) -> list[Path]:
    """Write the template and every catalogue anew; `more` names languages that begin now."""
    found = extracted()
    written = [_write(LOCALE / TEMPLATE, found)]
    for language in sorted({*languages(), *more}):
        if po_of(language).exists():
            known = read(language)
            known.update(found, no_fuzzy_matching=True)
        else:
            known = _catalogue(language)
            known.header_comment = _HEAD.format(name=Locale.parse(language).english_name)
            known.update(found, no_fuzzy_matching=True)
        known.obsolete.clear()
        written.append(_write(po_of(language), known))
    return written


def _write(path: Path, catalogue: Catalog) -> Path:
    """Without dates and line numbers: what did not change gives the same bytes."""
    file = BytesIO()
    write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_DATED.sub("", file.getvalue().decode()), encoding="utf-8")
    return path


# ── how far, and what programs read ──────────────────────────────────────────────────────


def status(language: str) -> dict[str, Any]:
    """Texts in all and translated, and who looked at them (house plan, section 7)."""
    known, wanted = read(language), template()
    there = sum(1 for one in wanted if one.id and _is_done(known.get(one.id, one.context)))
    noted = dict(_STATUS.findall(po_of(language).read_text(encoding="utf-8")))
    return {
        "texts": sum(1 for one in wanted if one.id),
        "translated": there,
        "status": noted.get("status", "").strip() or "machine",
        "reviewed_by": noted.get("reviewed by", "").strip(),
        "reviewed_on": noted.get("reviewed on", "").strip(),
    }


def _is_done(one: Message | None) -> bool:
    if one is None or one.fuzzy:
        return False
    return all(one.string) if isinstance(one.string, (list, tuple)) else bool(one.string)


def compile_all(into: Path | None = None) -> list[Path]:
    """Make what programs read of what people write."""
    written = []
    for language in languages():
        path = (into or LOCALE) / language / "LC_MESSAGES" / "django.mo"
        known = read(language)
        for one in [one for one in known if one.id and not _is_done(one)]:
            known.delete(one.id, one.context)  # or it would be shown as nothing at all
        known.creation_date = known.revision_date = _NO_DAY  # the same texts, the same bytes
        file = BytesIO()
        write_mo(file, known)
        written.append(_put(path, file.getvalue()))
    figures = json.dumps({language: status(language) for language in languages()}, indent=1)
    return [*written, _put((into or LOCALE) / FIGURES, f"{figures}\n".encode())]


def _put(path: Path, content: bytes) -> Path:
    """Whole or not at all: a node may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    return beside.replace(path)


def table() -> str:
    """How far each official language is, one a line."""
    from tocsin.words.languages import OFFICIAL, SOURCE

    lines = StringIO()
    for code, name in OFFICIAL.items():
        if code == SOURCE:
            said = "source"
        elif code in languages():
            now = status(code)
            said = f"{now['translated']:>4} of {now['texts']}  {now['status']}"
            if now["reviewed_by"]:
                said += f", reviewed by {now['reviewed_by']} on {now['reviewed_on']}"
        else:
            said = f"not begun: make messages NEW={code}"
        lines.write(f"{code}  {name:<12} {said}\n")
    return lines.getvalue()


def main(words: list[str]) -> str:
    """`update [LANGUAGE]`, `compile` or `status`."""
    match words:
        case ["update", *more]:
            _set_up()
            update(*_official(more))
            return table()
        case ["compile"]:
            return "".join(f"{path.name} {path.stat().st_size:,}\n" for path in compile_all())
        case ["status"]:
            return table()
    raise SystemExit("Possible: update [LANGUAGE], compile, status")


def _official(more: list[str]) -> list[str]:
    from tocsin.words.languages import OFFICIAL, SOURCE

    possible = [code for code in OFFICIAL if code != SOURCE]
    for code in more:
        if code not in possible:
            raise SystemExit(f"{code!r} is no language to translate to: {', '.join(possible)}")
    return more


def _set_up() -> None:
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.node.settings")
    django.setup()


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
