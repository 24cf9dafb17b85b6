"""`tocsin networks`: what the snapshot knows, and how a newer one replaces it."""

from tests.node.commands.test_preview import small_packages
from tests.node.conftest import OVERLAY


def test_the_shipped_snapshot_is_shown_without_a_store(spawn, tmp_path) -> None:
    done = spawn("networks", "show", "--json")

    assert done.ended == (0, "")
    assert done.json == {
        "snapshot": "2026-06-17",
        "kept": "shipped with Tocsin",
        "network_ranges": 515_158,
        "country_ranges": 550_602,
        "named_networks": 91_065,
    }
    assert list(tmp_path.iterdir()) == []


def test_an_address_is_looked_up_with_its_range_and_source(tocsin) -> None:
    assert tocsin("networks", "show", "192.0.2.7", "--overlay", OVERLAY, "--json").json == {
        "address": "192.0.2.7",
        "asn": 64496,
        "asn_range": "192.0.2.0–192.0.2.127",
        "asn_source": "the overlay networks.csv",
        "country": "BE",
        "country_range": "192.0.2.0–192.0.2.255",
        "country_source": "the overlay networks.csv",
        "as_name": "Meadow Net",
    }


def test_an_address_nobody_knows_is_not_known(tocsin) -> None:
    assert tocsin("networks", "show", "fd00::1", "--json").json == {
        "address": "fd00::1",
        "asn": "not known",
        "country": "not known",
    }


def test_credit_is_given_where_the_snapshot_is_shown(tocsin) -> None:
    assert "Routing data by RouteViews and DB-IP (CC BY 4.0)" in tocsin("networks", "show").out


def test_an_unpacked_snapshot_replaces_the_shipped_one_in_its_store_alone(spawn, tmp_path) -> None:
    packages = small_packages(tmp_path / "packages")
    done = spawn("networks", "update", "--from", packages, "--store", "mine")

    assert done.ended == (0, "")
    assert spawn("networks", "show", "--store", "mine", "--json").json == {
        "snapshot": "2026-11-18",
        "kept": "mine/networks",
        "network_ranges": 2,
        "country_ranges": 2,
        "named_networks": 1,
    }
    assert spawn("networks", "show", "--store", "other", "--json").json["snapshot"] == "2026-06-17"


def test_a_folder_without_the_packages_is_refused_and_the_snapshot_stays(tocsin, tmp_path) -> None:
    tocsin("networks", "update", "--from", small_packages(tmp_path / "packages"))
    done = tocsin("networks", "update", "--from", tmp_path / "nowhere")

    assert done.code == 4
    assert "holds no unpacked npm package @ip-location-db/asn. Possible: unpack it" in done.err
    assert tocsin("networks", "show", "--json").json["snapshot"] == "2026-11-18"


def test_a_package_with_a_bad_line_is_refused_and_the_snapshot_stays(tocsin, tmp_path) -> None:
    packages = small_packages(tmp_path / "packages")
    tocsin("networks", "update", "--from", packages)
    (packages / "asn" / "asn-ipv4-num.csv").write_text("3405804032,12,64498,Harbour\n")
    done = tocsin("networks", "update", "--from", packages)

    assert done.code == 3
    assert tocsin("networks", "show", "--json").json["network_ranges"] == 2


def test_a_word_that_is_no_address_ends_with_2(tocsin) -> None:
    assert tocsin("networks", "show", "\x1b[2Jmeadow").ended == (
        2,
        "tocsin: '\\x1b[2Jmeadow' is no address, such as 192.0.2.7 or 2001:db8::7\n",
    )


def test_without_npm_an_update_says_what_else_is_possible(spawn) -> None:
    done = spawn("networks", "update", PATH="/nonexistent")

    assert (done.code, "Traceback" in done.err) == (4, False)
    assert "--from" in done.err


def test_packages_are_looked_for_where_they_can_be_and_not_in_a_whole_tree(
    tocsin, tmp_path
) -> None:
    deep = tmp_path / "home" / "a" / "b" / "c"
    small_packages(deep)
    done = tocsin("networks", "update", "--from", tmp_path / "home")
    found = tocsin("networks", "update", "--from", deep)

    assert done.code == 4
    assert "holds no unpacked npm package" in done.err
    assert found.code == 0
