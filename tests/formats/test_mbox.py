"""Files of many messages: cut where they begin, each read as what it is."""

import io

import pytest

from tests.formats.mails import mail, sample
from tests.formats.reading import read
from tocsin.flow.tables import Fault
from tocsin.formats.catalogue import sniff
from tocsin.formats.mail import mbox
from tocsin.formats.mail.limits import LIMITS
from tocsin.words.errors import Unreadable

MARK = b"From ida@post.example Mon Nov 23 09:00:00 2026\n"


def box(*messages: bytes) -> bytes:
    return b"".join(MARK + message + b"\n\n" for message in messages)


def test_each_message_is_read_as_the_kind_it_is_and_numbered() -> None:
    out = read(mbox.FORMAT, sample("mbox/reports.mbox"))

    assert [(row["report.row"], row["feed.code"]) for row in out.rows] == [
        (1, "arf"),
        (1, "arf"),
        (2, "phishing-mail"),
        (2, "phishing-mail"),
        (3, "phishing-mail"),
    ]


def test_messages_travel_together_and_each_can_show_its_own_bytes() -> None:
    data = box(*[mail(f"http://x{n}.example/") for n in range(130)])
    out = read(mbox.FORMAT, data)

    exact = [one.raw(at) for one in out.parsed for at in range(one.table.height)]
    assert [len(chunk.lines) for chunk in out.chunks] == [64, 64, 2]
    assert b"".join(exact) == data


def test_one_bad_message_costs_no_other() -> None:
    out = read(mbox.FORMAT, box(mail("http://a.example/"), b"nonsense", mail("http://b.example/")))

    assert [(row["report.row"], row["source.url"]) for row in out.rows] == [
        (1, "http://a.example/"),
        (3, "http://b.example/"),
    ]
    assert [(fault.row, fault.reason) for fault in out.faults] == [
        (2, "no message: no header lines follow the line that begins it")
    ]


def test_a_quoted_from_line_begins_no_message() -> None:
    text = "x\n\n>From here on http://a.example/ 2026\n\nFrom that day http://b.example/\n"
    out = read(mbox.FORMAT, box(mail(text)))

    assert [row["source.url"] for row in out.rows] == ["http://a.example/", "http://b.example/"]
    assert {row["report.row"] for row in out.rows} == {1}


def test_line_ends_of_windows_are_cut_as_well() -> None:
    data = box(mail("http://a.example/"), mail("http://b.example/")).replace(b"\n", b"\r\n")

    assert [row["report.row"] for row in read(mbox.FORMAT, data).rows] == [1, 2]


def test_a_message_over_the_limit_is_a_fault_in_pieces_and_the_next_is_read() -> None:
    large = mail(b"a" * 70 + b"\n") + b"b" * (LIMITS.message + 3_000_000)
    data = box(large, mail("http://b.example/"))
    out = read(mbox.FORMAT, data)

    pieces = [fault for fault in out.faults if fault.row == 1]
    assert b"".join(piece.raw for piece in pieces) + box(mail("http://b.example/")) == data
    assert {piece.reason for piece in pieces} == {"a message over 25 MiB, the limit"}
    assert [row["report.row"] for row in out.rows] == [2]


def test_a_large_file_is_not_held_in_memory() -> None:
    class Counted(io.BytesIO):
        held = 0
        read_so_far = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.read_so_far += len(data)
            return data

    stream = Counted(box(*[mail("x" * 70_000 + "\nhttp://a.example/")] * 300))
    ahead = []
    done = 0
    for one in mbox.cut(stream, "x.mbox"):
        assert not isinstance(one, Fault)
        done += len(one.data)
        ahead.append(stream.read_so_far - done)

    assert len(ahead) == 5
    assert max(ahead) < 2 * 1024**2


def test_a_file_that_begins_with_no_postmark_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"^file: no mbox: "):
        read(mbox.FORMAT, mail("http://a.example/"))


def test_a_postmark_alone_makes_no_mbox() -> None:
    assert sniff(b"From a 2026\n" + mail("x"), "x").name == "mbox"
    with pytest.raises(Unreadable):
        sniff(b"From a letter of 2026\nhttp is a word\n", "x.bin")
