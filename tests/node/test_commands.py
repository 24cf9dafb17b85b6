"""Every command: documented, with a help that reads well, and none ends in a traceback."""

import re
from collections.abc import Iterator

import pytest
import typer

from tests.house.source import REPOSITORY
from tests.node.conftest import WITH_PARTIES
from tocsin import __version__
from tocsin.node.cli import app, main
from tocsin.node.faults import as_expected
from tocsin.words import errors
from tocsin.words.errors import Busy, NotFound, OutOfSpace, Refused, TocsinError, Unusable

PAGE = (REPOSITORY / "docs" / "reference" / "commands.md").read_text("utf-8")


def walk(command, name: str = "tocsin") -> Iterator[tuple[str, object]]:
    """Every command with its full name, groups too."""
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, f"{name} {word}")


COMMANDS = dict(walk(typer.main.get_command(app)))


def section(name: str) -> str:
    """What the page says of one command, without the commands below it."""
    found = re.search(rf"^#+ {re.escape(name)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/reference/commands.md has no section '{name}'"
    return found[1]


def first_column(text: str) -> list[str]:
    """The first cells of the first table."""
    table = text.partition("|---|---|\n")[2].partition("\n\n")[0]
    return [line.split("|")[1].strip() for line in table.splitlines()]


def options_of(command) -> set[str]:
    """Options as a person types them."""
    spelled = [
        word
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
    ]
    return {word for word in spelled if word.startswith("--")}


def test_the_page_has_a_section_for_every_command_and_for_nothing_else() -> None:
    assert set(re.findall(r"^#+ (tocsin.*)$", PAGE, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_documented_and_no_other(name) -> None:
    cells = first_column(section(name))
    arguments = [row for row in COMMANDS[name].params if row.param_type_name == "argument"]

    assert set(re.findall(r"`(--[a-z-]+)", " ".join(cells))) == options_of(COMMANDS[name])
    assert len([cell for cell in cells if "--" not in cell]) == len(arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_does_something_has_an_example(name) -> None:
    if not getattr(COMMANDS[name], "commands", None):
        assert re.search(rf"^    {re.escape(name)}", section(name), re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_whole_sentences_and_its_first_fits_the_list(name) -> None:
    command = COMMANDS[name]

    if " " in name:
        assert not command.get_short_help_str(limit=60).endswith("..."), name
    assert (command.help or "").rstrip().endswith(".")
    assert [row.name for row in command.params if not row.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_is_shown(name, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", [*name.split(), "--help"])
    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: {name} ")


def test_the_version_is_that_of_the_package(spawn) -> None:
    done = spawn("--version")

    assert (done.ended, done.out) == ((0, ""), f"tocsin {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [["rout"], ["route", "--nope"], ["bench", "route", "--rows", "many"], ["\x1b[31mred"]],
)
def test_a_word_that_is_none_ends_with_2_and_shows_it_plainly(tocsin, words) -> None:
    done = tocsin(*words)

    assert (done.code, done.out) == (2, "")
    assert all(c.isprintable() or c == "\n" for c in done.err)


def test_a_reader_that_stops_reading_is_no_fault(spawn, tmp_path) -> None:
    done = spawn("networks", "show", before=("/bin/sh", "-c", '"$@" | true', "sh"))

    assert done.ended == (0, "")


def test_an_unexpected_error_is_a_sentence_and_1(tocsin, tmp_path) -> None:
    """A snapshot somebody edited by hand: nothing the program foresees."""
    tocsin("demo")
    networks = tmp_path / "demo-output" / "store" / "networks"
    (networks / "snapshot.json").write_text("{}")
    done = tocsin("networks", "show", "--store", networks.parent)

    assert done.code == 1
    assert done.err == (
        "tocsin: unexpected: KeyError: 'date'. Possible: TOCSIN_TRACE=1 shows where; "
        "please report it\n"
    )


def test_a_trace_is_shown_to_whoever_asks_for_it(tocsin, tmp_path, monkeypatch) -> None:
    store = tmp_path / "store"
    (store / "networks").mkdir(parents=True)
    (store / "networks" / "snapshot.json").write_text("{}")
    monkeypatch.setenv("TOCSIN_TRACE", "1")

    with pytest.raises(KeyError):
        tocsin("networks", "show", "--store", store)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (OSError(28, "No space left on device", "x"), OutOfSpace, "the disk is full"),
        (OSError(122, "Disk quota exceeded", "x"), OutOfSpace, "the disk is full"),
        (RuntimeError("database or disk is full"), OutOfSpace, "the disk is full"),
        (PermissionError(13, "Permission denied", "/x"), OutOfSpace, "/x: Permission denied"),
        (FileNotFoundError(2, "No such file", "/x"), NotFound, "/x: No such file"),
        (IsADirectoryError(21, "Is a directory", "/x"), Unusable, "/x: Is a directory"),
        (RuntimeError("database is locked"), Busy, "Possible: try again"),
        (Refused("as it is"), Refused, "as it is"),
        (ZeroDivisionError("by zero"), TocsinError, "unexpected: ZeroDivisionError: by zero"),
    ],
)
def test_every_fault_becomes_an_error_of_our_own(fault, kind, said) -> None:
    known = as_expected(fault)

    assert type(known) is kind
    assert said in str(known)


def test_exit_codes_are_all_different_from_success_and_from_signals() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = [kind.exit_code for kind in kinds if issubclass(kind, TocsinError)]

    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(range(1, 126))


def test_no_command_but_route_import_and_update_makes_a_store(tocsin, tmp_path) -> None:
    for words in (
        ["preview", "192.0.2.7"],
        ["preview", "192.0.2.7", *WITH_PARTIES],
        ["quarantine"],
        ["parties", "export"],
        ["networks", "show"],
    ):
        tocsin(*words)

    assert list(tmp_path.iterdir()) == []
