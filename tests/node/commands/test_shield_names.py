"""`tocsin shield names`, `tocsin shield fetch`: a preview first; nothing fetched by default."""

from pathlib import Path

LIST = "1,news.example\n2,search.example\nno..name\n"


def test_a_list_is_previewed_imported_said_and_forgotten(tocsin, tmp_path: Path) -> None:
    (tmp_path / "top.csv").write_text(LIST)
    words = ("shield", "names", "import", "top_site", "top.csv", "--title", "Top")

    foreseen = tocsin(*words, "--preview", "--json").json
    assert tocsin("shield", "names", "lists").out == "No list was imported.\n"
    done = tocsin(*words, "--licence", "CC0", "--date", "2026-06-17")

    said = [" ".join(line.split()) for line in done.out.splitlines()]
    assert (foreseen["come"], foreseen["flawed"], foreseen["preview"]) == (2, 1, True)
    assert said == [
        "Top, top site, as of 2026-06-17",
        "come 2 news.example, search.example",
        "go 0",
        "stay 0",
        "no names, left out 1",
        "line 3: 'no..name' is no name",
    ]
    (row,) = tocsin("shield", "names", "lists", "--json").json
    assert (row["title"], row["entries"], row["licence"]) == ("Top", 2, "CC0")
    assert tocsin("shield", "names", "forget", "--title", "Top").out == "Top: 2 entries are gone\n"
    again = tocsin("shield", "names", "forget", "--title", "Top")
    assert "there is no list 'Top'" in again.err


def test_what_cannot_be_imported_is_said_in_a_sentence(tocsin, tmp_path: Path) -> None:
    (tmp_path / "top.csv").write_text(LIST)
    for kind, file, said in (
        ("nonsense", "top.csv", "is no kind of list"),
        ("top_site", "nothing.csv", "there is no file nothing.csv"),
        ("brand_own", "top.csv", "domain,brand,words"),
    ):
        done = tocsin("shield", "names", "import", kind, file, "--title", "T")
        assert done.code != 0
        assert said in " ".join(done.err.split())


def test_nothing_is_fetched_unless_the_operator_turned_it_on(tocsin, tmp_path: Path) -> None:
    (tmp_path / "top.csv").write_text(LIST)
    tocsin("shield", "names", "import", "top_site", "top.csv", "--title", "Top", "--preview")
    done = tocsin("shield", "fetch", "--once")

    assert done.code != 0
    assert "this node fetches nothing. Possible: TOCSIN_SHIELD_FETCHER=on" in " ".join(
        done.err.split()
    )
