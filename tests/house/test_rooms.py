"""Every line knows its room: captions, outside packages, the clock, names, desks."""

import ast
import sys
from pathlib import Path

import pytest

from tests.house.source import HOUSE, REPOSITORY, ROOMS, Module, dotted, imported, modules

CLOCKLESS = ("words", "rules", "ledger", "seal", "match", "flow", "formats", "channels")
CLOCKS = (
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.strftime",
    "time.ctime",
    "time.asctime",
)
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers"} | {
    "service",
    "services",
    "misc",
    "shared",
}
DESK_FILES = {
    "__init__",
    "models",
    "queries",
    "actions",
    "forms",
    "views",
    "api",
    "tasks",
    "admin",
    "urls",
    "apps",
    "migrations",
    "templates",
}


def test_the_house_has_these_rooms_and_no_others():
    folders = {path.parent.name for path in HOUSE.glob("*/__init__.py")}

    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_the_caption_is_the_first_line_of_the_room(room):
    docstring = ast.get_docstring(ast.parse((HOUSE / room / "__init__.py").read_text("utf-8")))

    assert docstring is not None
    assert docstring.splitlines()[0] == ROOMS[room]["caption"]


@pytest.mark.parametrize("room", ROOMS)
def test_the_caption_stands_in_the_documentation(room):
    page = (REPOSITORY / "docs" / "explanation" / "rooms.md").read_text("utf-8")

    assert f"| `{room}` | {ROOMS[room]['caption']} |" in page


def test_a_room_imports_only_the_outside_packages_of_its_row():
    assert [line for module in modules() for line in strangers(module)] == []


def strangers(module: Module) -> list[str]:
    """Imports of packages that the module's room has no row for."""
    known = sys.stdlib_module_names | {"tocsin", *ROOMS[module.room]["packages"]}
    return [
        f"{module.path}:{line} imports {name}"
        for line, name in imported(module.tree)
        if name.split(".")[0] not in known
    ]


def test_rooms_below_office_never_ask_the_clock():
    below = [module for module in modules() if module.room in CLOCKLESS]

    assert [line for module in below for line in clock_reads(module)] == []


def clock_reads(module: Module) -> list[str]:
    """Places that read the wall clock; measuring with `perf_counter` or `monotonic` is free."""
    read = [
        (node.lineno, dotted(node))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
    ]
    return [
        f"{module.path}:{line} reads {name}; pass at= instead"
        for line, name in [*read, *imported(module.tree)]
        if any(f".{name}".endswith(f".{clock}") for clock in CLOCKS)
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\nat = datetime.datetime.now(datetime.UTC)",
        "from datetime import datetime\nat = datetime.now",
        "from datetime import date\non = date.today()",
        "from time import time\nat = time()",
        "import time\nat = time.time()",
    ],
)
def test_a_clock_read_is_seen_however_it_is_spelt(source):
    assert clock_reads(Module("flow", "flow/x.py", ast.parse(source))) != []


def test_a_stopwatch_is_no_clock():
    source = "import time\nstart = time.perf_counter()"

    assert clock_reads(Module("flow", "flow/x.py", ast.parse(source))) == []


def test_a_stranger_is_seen_even_inside_a_function():
    source = "def f():\n    import requests.sessions\n    from . import neighbour"

    assert strangers(Module("words", "words/x.py", ast.parse(source))) == [
        "words/x.py:2 imports requests.sessions",
        "words/x.py:3 imports ..neighbour",
    ]


def test_modules_are_named_by_what_they_are():
    named = [(module.path, set(Path(module.path).with_suffix("").parts)) for module in modules()]

    assert [path for path, parts in named if parts & NO_NAMES] == []


def test_a_desk_has_the_standard_files_and_no_others():
    desks = [path for path in (HOUSE / "desks").iterdir() if (path / "__init__.py").exists()]

    assert [
        str(path.relative_to(HOUSE))
        for desk in desks
        for path in desk.iterdir()
        if path.stem not in DESK_FILES and path.name != "__pycache__"
    ] == []
