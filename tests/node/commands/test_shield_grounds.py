"""`tocsin shield grounds`: what a listing rested on, handed over so that anybody can check it."""

from datetime import UTC, datetime, timedelta

from tests.node.conftest import Run
from tocsin.desks.shield.actions.keeping import freeze
from tocsin.desks.shield.models import Listing
from tocsin.node.store import open_store
from tocsin.office import keys
from tocsin.office.models import RegisterRow

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
URL = "https://mybank-login.example/pay?id=7"


def test_what_is_exported_verifies_and_what_was_changed_does_not(tocsin: Run, tmp_path):
    store = open_store(tmp_path / "store")
    from django.db import transaction

    row = Listing.objects.create(
        reference="7F3K-9QWZ-2M4H", scope="domain", value="mybank-login.example", url=URL,
        because="x", reason="x", basis="x", state="listed", proposed_at=AT, listed_at=AT,
        expires_at=AT + timedelta(days=9), changed_at=AT,
    )  # fmt: skip
    with transaction.atomic():
        freeze(row, by="test", at=AT)
    words = ("--out", "given", "--store", "store", "--by", "ada")
    done = tocsin("shield", "grounds", "7f3k 9qwz 2m4h", *words, "--why", "order 12", "--json")
    folder = tmp_path / "given" / "grounds-7F3K-9QWZ-2M4H"
    key = keys.public_text(keys.signing_key(store.path / "keys"))
    whole = tocsin("evidence", "verify", str(folder), "--key", key)
    (folder / f"{done.json['digest']}.bin").write_bytes(b"{}")
    changed = tocsin("evidence", "verify", str(folder), "--key", key)
    unknown = tocsin("shield", "grounds", "AAAA-BBBB-CCCC", *words, "--why", "order 12")

    assert done.ended == (0, "")
    assert done.json["folder"] == "given/grounds-7F3K-9QWZ-2M4H"
    assert whole.ended == (0, "")
    assert changed.code != 0
    assert "there are no grounds of 'AAAA-BBBB-CCCC'" in unknown.err
    assert RegisterRow.objects.get(action="shield:grounds:export").actor == "ada"
