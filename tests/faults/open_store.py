"""A store with the sample parties, for a process that is given FOLDER."""

from pathlib import Path

from tocsin.node.commands.route import import_file
from tocsin.node.samples import samples_folder
from tocsin.node.store import open_store
from tocsin.office import keys

opened = open_store(Path(globals()["FOLDER"]) / "store")
import_file(samples_folder() / "parties.toml")
keys.secret(opened.keys, "pseudonyms")
