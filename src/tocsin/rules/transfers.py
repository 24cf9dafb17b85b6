"""Where personal data may go: inside the Union, or under a basis of GDPR chapter V.

The lists are facts with dates, not advice; adequacy decisions come and go and none was seen in a
primary text while this table was written (unverified).
"""

from dataclasses import dataclass
from datetime import date

from tocsin.words.countries import MEMBER_STATES

EEA: tuple[str, ...] = (*MEMBER_STATES, "IS", "LI", "NO", "EU")


@dataclass(frozen=True)
class Adequacy:
    """A country that the Commission found adequate (GDPR 45)."""

    country: str
    since: date
    until: date | None = None


ADEQUATE: tuple[Adequacy, ...] = tuple(
    Adequacy(country, since)
    for country, since in (
        ("AD", date(2010, 10, 19)),
        ("AR", date(2003, 6, 30)),
        ("CA", date(2001, 12, 20)),
        ("CH", date(2000, 7, 26)),
        ("FO", date(2010, 3, 5)),
        ("GB", date(2021, 6, 28)),
        ("GG", date(2003, 11, 21)),
        ("IL", date(2011, 1, 31)),
        ("IM", date(2004, 4, 28)),
        ("JE", date(2008, 5, 8)),
        ("JP", date(2019, 1, 23)),
        ("KR", date(2021, 12, 17)),
        ("NZ", date(2012, 12, 19)),
        ("UY", date(2012, 8, 21)),
    )
)


def transfer_basis(country: str, on: date) -> str | None:
    """What lets personal data go to a recipient there; None where nothing on file does."""
    if country in EEA:
        return "no transfer: the recipient is inside the European Economic Area"
    for row in ADEQUATE:
        if row.country == country and row.since <= on and (row.until is None or on <= row.until):
            return f"GDPR 45: adequacy decision of {row.since.isoformat()} (unverified)"
    return None
