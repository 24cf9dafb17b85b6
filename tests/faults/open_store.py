"""A store as it is before any report came in, for a process that is given FOLDER and PORT.

The sample parties, some of them written to by mail and some over a webhook on PORT; a routing
snapshot of one network, so that reading it takes no time.
"""

from datetime import UTC, datetime
from pathlib import Path

from tests.node.commands.test_preview import small_packages
from tocsin.formats.ip_ranges import write_snapshot
from tocsin.node.samples import samples_folder
from tocsin.node.store import open_store
from tocsin.office import keys
from tocsin.office.parties import import_parties

MAILED = ("brook-telecom", "csirt-pl", "example-registry")
HOOKED = ("meadow-net", "csirt-be", "lantern-bank")

folder = Path(globals()["FOLDER"])
hook = f'channel = "webhook"\naddress = "https://localhost:{globals()["PORT"]}/"'
first, *entries = (samples_folder() / "parties.toml").read_text("utf-8").split("[[party]]\n")
for number, entry in enumerate(entries):
    name = entry.split('"')[1]
    way = 'channel = "mail"' if name in MAILED else hook if name in HOOKED else ""
    if way:
        entries[number] = entry.replace('channel = "folder"', way)

opened = open_store(folder / "store")
import_parties("[[party]]\n".join([first, *entries]), by="test", at=datetime.now(UTC))
keys.secret(opened.keys, "pseudonyms")
for name in HOOKED:
    keys.make_webhook_secret(opened.keys, name)
write_snapshot(small_packages(folder / "packages"), opened.networks)
