"""The Traffic Light Protocol 2.0 (FIRST, August 2022), strictest last."""

from enum import StrEnum

from tocsin.words.errors import Unusable


class Tlp(StrEnum):
    """A marking; compare with `strictest`, never by text."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"


STRICTNESS: dict[Tlp, int] = {marking: rank for rank, marking in enumerate(Tlp)}

# IDF still speaks TLP 1.0; a marking it cannot say is written as the next stricter one.
TO_IDF: dict[Tlp, str] = {
    Tlp.CLEAR: "WHITE",
    Tlp.GREEN: "GREEN",
    Tlp.AMBER: "AMBER",
    Tlp.AMBER_STRICT: "RED",
    Tlp.RED: "RED",
}


def strictest(*markings: Tlp) -> Tlp:
    """The marking that governs when several apply (TLP 2.0: the source's wish is kept)."""
    return max(markings, key=STRICTNESS.__getitem__)


def read_tlp(text: str) -> Tlp:
    """`amber`, `TLP:AMBER+STRICT`, `WHITE` (TLP 1.0) to a marking; raises `Unusable`."""
    name = text.strip().upper().removeprefix("TLP:").replace(" ", "")
    name = "CLEAR" if name == "WHITE" else name
    try:
        return Tlp(f"TLP:{name}")
    except ValueError:
        known = ", ".join(marking.value for marking in Tlp)
        raise Unusable(f"{text!r} is no TLP marking. Possible: {known}") from None
