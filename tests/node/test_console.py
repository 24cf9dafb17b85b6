"""How commands speak: plain to a terminal, exact to a machine."""

import json

import pytest

from tocsin.node.console import clean, complain, progress, say_json
from tocsin.words.errors import NotFound

STEERING = ["\x1b[31m", "\x07", "\x9b2J", "\u202e", "\x00", "\u2028", "\udcff", "\U000e0001"]


@pytest.mark.parametrize("text", STEERING)
def test_what_could_steer_a_terminal_is_shown_as_an_escape(text) -> None:
    shown = clean(f"a{text}b")

    assert shown.isprintable()
    assert shown == f"a{ascii(text)[1:-1]}b".replace("\\\\", "\\")


@pytest.mark.parametrize("text", ["Łódź – Köln", "日本", "[bold]", "a b", ""])
def test_what_people_write_is_shown_as_it_is(text) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", [*STEERING, "Łódź – Köln", '"\\'])
def test_json_is_printable_and_reads_back_as_it_was(capsys, text) -> None:
    say_json({"name": text})
    out = capsys.readouterr().out

    assert all(c.isprintable() or c == "\n" for c in out)
    assert json.loads(out) == {"name": text}


def test_json_keeps_letters_readable(capsys) -> None:
    say_json(["Łódź"])

    assert capsys.readouterr().out == '[\n  "Łódź"\n]\n'


def test_a_complaint_is_one_sentence_on_standard_error_with_its_markup_as_text(capsys) -> None:
    complain(NotFound("no such file: [bold]\x1b[2J.csv"))
    said = capsys.readouterr()

    assert (said.out, said.err) == ("", "tocsin: no such file: [bold]\\x1b[2J.csv\n")


def test_a_complaint_of_several_lines_keeps_them(capsys) -> None:
    complain(NotFound("one\ntwo"))

    assert capsys.readouterr().err == "tocsin: one\ntwo\n"


def test_progress_writes_nothing_where_nobody_watches(capsys) -> None:
    with progress(shown=True) as tell:
        tell("read", 10)

    assert capsys.readouterr() == ("", "")
