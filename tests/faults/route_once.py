"""What `tocsin route` does, for a process that is given FOLDER."""

from pathlib import Path

from tocsin.node.commands.route import hand_over, run_route
from tocsin.node.console import progress
from tocsin.node.samples import samples_folder
from tocsin.node.store import open_store

place = Path(globals()["FOLDER"])
samples = samples_folder()
opened = open_store(place / "store")
with progress(shown=False) as tell:
    run_route(
        sorted((samples / "demo").glob("*.csv")),
        opened,
        tell,
        "in-process",
        overlay=samples / "networks.csv",
    )
hand_over(opened, place / "out")
