"""Where the bundled samples lie: inside an installed package, or beside the source."""

from pathlib import Path

from tocsin.words.errors import NotFound

_HERE = Path(__file__).resolve()


def samples_folder() -> Path:
    """The folder `samples`; raises `NotFound` when neither place has it."""
    for place in (_HERE.parents[1] / "samples", _HERE.parents[3] / "samples"):
        if place.is_dir():
            return place
    raise NotFound("the bundled samples are missing. Possible: install Tocsin anew")
