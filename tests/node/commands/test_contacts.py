"""`tocsin contacts`: a preview first, then the import; who would be mailed and who would not."""

from tests.node.conftest import OVERLAY, SAMPLES, listing

CONTACTS = SAMPLES / "contacts"
RIPE = sorted(CONTACTS.glob("ripe.db.*"))


def test_the_import_says_what_it_did_and_what_it_left_out(tocsin, tmp_path) -> None:
    done = tocsin("contacts", "import", "ripe", *RIPE, "--problems", "left-out.csv")

    said = [" ".join(line.split()) for line in done.out.splitlines()]
    assert done.ended == (0, "")
    assert said[:7] == [
        "Contacts of ripe, as of 2026-06-17",
        "parties 2 created",
        "remits 5 added",
        "contacts 2 added",
        "networks within one of the same mailbox 1",
        "placeholders, no contacts 1",
        "entries that cannot be used 2",
    ]
    assert (tmp_path / "left-out.csv").read_text("utf-8").splitlines() == [
        "file,line,what,why",
        (
            "ripe.db.aut-num,7,,\"aut-num 'AS64511' leads to 'GONE-RIPE', and no file has an "
            'abuse-mailbox for that"'
        ),
        (
            "ripe.db.inetnum,34,,'203.0.113.300 - 203.0.113.301' is no network and no range of "
            "addresses"
        ),
        ",,unread@ripe.net,the RIPE NCC puts it where it leaves out an address",
    ]


def test_a_preview_changes_nothing_and_says_the_same_numbers(tocsin) -> None:
    words = ("contacts", "import", "csv", CONTACTS / "contacts.csv", "--date", "2026-06-02")

    foreseen = tocsin(*words, "--preview", "--json").json
    nothing = tocsin("contacts", "list").out
    done = tocsin(*words, "--json").json

    assert nothing == "No mail contact is on file.\n"
    assert {**foreseen, "preview": False} == done
    assert done["parties"] == {"created": 3, "changed": 0, "unchanged": 0, "retired": 0}


def test_whom_we_would_mail_is_said_before_anything_is_sent(tocsin) -> None:
    tocsin("contacts", "import", "ripe", *RIPE)
    tocsin("parties", "import", SAMPLES / "parties.toml")

    done = tocsin("contacts", "preview", "192.0.2.20", "--overlay", OVERLAY)
    facts = tocsin("contacts", "preview", "192.0.2.20", "--overlay", OVERLAY, "--json").json

    assert "told as network: Meadow Net (manual)" in done.out
    assert "not told as network: Meadow Net (ripe, 2026-06-17)" in done.out
    assert "because Meadow Net (manual) stands above ripe" in done.out
    assert [(one["party"], one["told"]) for one in facts["parties"]] == [
        ("meadow-net", True),
        ("ripe-meadow-net-example-efa3a17a24", False),
        ("csirt-be", True),
    ]


def test_looking_writes_nothing(tocsin, tmp_path) -> None:
    tocsin("contacts", "import", "ripe", *RIPE)
    before = listing(tmp_path / "tocsin-store" / "deliveries")

    tocsin("contacts", "preview", "192.0.2.20")
    assert listing(tmp_path / "tocsin-store" / "deliveries") == before


def test_a_bounced_mailbox_is_listed_and_can_be_taken_back(tocsin) -> None:
    tocsin("contacts", "import", "ripe", *RIPE)
    mailbox = "abuse@meadow-net.example"

    assert tocsin("contacts", "list", "--dead").out == "No contact was found dead.\n"
    assert tocsin("contacts", "dead", mailbox, "--why", "550 5.1.1").out == "marked dead: 1\n"
    assert [row["why"] for row in tocsin("contacts", "list", "--dead", "--json").json] == [
        "550 5.1.1"
    ]
    assert "Nobody on file is told." in tocsin("contacts", "preview", "192.0.2.20").out
    assert tocsin("contacts", "alive", mailbox, "--why", "answered").out == "used again: 1\n"
    assert "told as network: Meadow Net" in tocsin("contacts", "preview", "192.0.2.20").out


def test_what_cannot_be_done_is_refused_in_a_sentence(tocsin, tmp_path) -> None:
    list_ = CONTACTS / "contacts.csv"

    assert tocsin("contacts", "import", "csv", list_).code == 2
    assert tocsin("contacts", "import", "csv", list_, "--date", "soon").code == 2
    assert tocsin("contacts", "import", "arin", list_, "--date", "2026-06-02").code == 2
    assert tocsin("contacts", "import", "ripe", list_, "--date", "2026-06-02").code == 3
    assert tocsin("contacts", "import", "ripe", "missing").code == 4
    assert tocsin("contacts", "dead", "nobody@meadow.example", "--why", "?").code == 4
    assert tocsin("contacts", "preview", "?!").code == 2
