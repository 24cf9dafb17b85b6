"""Which languages the pages are offered in, by what was counted when the catalogues were compiled.

`locale/languages.json` (made by `node.catalogues`) says of each catalogue how many texts there are,
how many are translated, and whether somebody has reviewed it (house plan, section 7).
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tocsin.words.languages import OFFICIAL, SOURCE


@dataclass(frozen=True)
class Translation:
    """How far one catalogue is; `reviewed_by` is empty until a speaker of the language did."""

    texts: int
    translated: int
    status: str
    reviewed_by: str = ""
    reviewed_on: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every text has its translation."""
        return self.texts > 0 and self.translated == self.texts


def read_figures(folder: Path) -> dict[str, Translation]:
    """What was compiled; nothing where nothing was: the pages are English then."""
    try:
        said = json.loads((folder / "languages.json").read_text(encoding="utf-8"))
        return {code: Translation(**facts) for code, facts in said.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def offered(
    translations: dict[str, Translation], *, unfinished: bool = False
) -> list[tuple[str, str]]:
    """The languages of the menu, each by its own name; `unfinished`: also those only begun."""
    return [
        (code, name)
        for code, name in OFFICIAL.items()
        if code == SOURCE
        or (code in translations and (unfinished or translations[code].is_complete))
    ]
