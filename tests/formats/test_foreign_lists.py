"""Lists that others publish: whatever form they have, the same names and addresses come out."""

from pathlib import Path

import pytest

from tests.formats.listings import EDITION, SAMPLE
from tocsin.formats.blocklists import LIST_FORMATS
from tocsin.formats.foreign_lists import Flaw, Listed, read_list
from tocsin.words.errors import NotFound, Unreadable

ADDRESSES = ("http://pages.example/a;b?c=$1", "https://pages.example/ada")


def names(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "list"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [one.value if isinstance(one, Listed) else f"! {one.line}" for one in read_list(path)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,bank.example\n2,post.example\r\n", ["bank.example", "post.example"]),
        ("# head\n\nbank.example\n.post.example  # why\n", ["bank.example", "post.example"]),
        ("BANK.Example.\nbücher.example\n", ["bank.example", "xn--bcher-kva.example"]),
        ("127.0.0.1 localhost\n0.0.0.0 evil.example # x\n::1 six.example\n",
         ["evil.example", "six.example"]),
        ("! filters\n||evil.example^\n||third.example^$all\n@@||good.example^\n|https://x.example/a|\n",
         ["evil.example", "third.example", "https://x.example/a"]),
        (("$TTL 30\n$ORIGIN rpz.node.example.\n@ SOA ns. x. 1 2 3 4 5\n@ NS ns.node.example.\n"
         "good.example CNAME rpz-passthru.\nevil.example CNAME .\n*.evil.example CNAME .\n"
         "full.example.rpz.node.example. 30 IN CNAME .\n32.7.2.0.192.rpz-ip CNAME .\n"),
         ["evil.example", "evil.example", "full.example"]),
        ("http://evil.example:80/a#b\nhttps://user@evil.example/\n192.0.2.7\n",
         ["http://evil.example/a", "https://evil.example/", "http://192.0.2.7/"]),
        ('domain,brand,words\nmybank.example,"My Bank","mybank, my bank"\n', ["mybank.example"]),
        ('rank,url\n1,https://evil.example/x\n', ["https://evil.example/x"]),
        ('{"listings": ["evil.example", 7]}', ["evil.example", "! 2"]),
        ("one two\nlocalhost\nab..c\n\x00\n", ["! 1", "! 2", "! 3", "! 4"]),
    ],
)  # fmt: skip
def test_every_form_gives_its_names(tmp_path: Path, text: str, found: list[str]):
    assert names(tmp_path, text) == found


@pytest.mark.parametrize("form", ["adblock", "csv", "domains", "hosts", "json", "squid", "urls"])
def test_what_a_node_writes_another_reads(tmp_path: Path, form: str):
    data = LIST_FORMATS[form].write(SAMPLE, EDITION)

    named = {"evil.example", "login.other.example"} if form != "urls" else set()
    holds = ADDRESSES if form != "adblock" else ADDRESSES[1:]
    addresses = set(holds if LIST_FORMATS[form].holds_addresses else ())
    assert set(names(tmp_path, data)) == named | addresses


def test_a_brand_comes_with_its_words(tmp_path: Path):
    (tmp_path / "b.csv").write_text('brand,domain,words\nMy Bank,mybank.example,"mybank,my bank"\n')
    assert list(read_list(tmp_path / "b.csv")) == [
        Listed("mybank.example", brand="My Bank", words="mybank,my bank")
    ]


def test_what_is_no_list_says_so(tmp_path: Path):
    for data, said in (
        (b"\x1f\x8b\x08", "is packed"),
        (b"{broken", "is not JSON"),
        (b'{"added": []}', "holds no listings"),
    ):
        with pytest.raises(Unreadable, match=said):
            names(tmp_path, data)
    with pytest.raises(NotFound):
        list(read_list(tmp_path / "nothing"))
    assert list(read_list(Path("/dev/null"))) == []


def test_half_a_character_is_a_flaw_and_the_next_entry_is_read(tmp_path: Path):
    text = r'[{"value": "\ud800.example"}, "https://\udfff.example/", "bank.example"]'
    (tmp_path / "l.json").write_text(text)

    assert list(read_list(tmp_path / "l.json")) == [
        Flaw(1, r"'\ud800.example' holds half a character"),
        Flaw(2, r"'https://\udfff.example/' is no address"),
        Listed("bank.example"),
    ]


@pytest.mark.parametrize("text", ['["bank.example"]', '[\n  {"value": "bank.example"}\n]'])
def test_an_array_is_json_however_it_is_laid_out(tmp_path: Path, text: str):
    assert names(tmp_path, text.encode()) == ["bank.example"]


def test_a_line_without_an_end_is_read_in_pieces(tmp_path: Path):
    path = tmp_path / "long"
    path.write_bytes(b"a" * 100_000 + b"\nbank.example\n")
    found = list(read_list(path))

    assert found[-1] == Listed("bank.example")
    assert all(isinstance(one, Flaw) and len(one.why) < 100 for one in found[:-1])
