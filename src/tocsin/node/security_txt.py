"""`/.well-known/security.txt` (RFC 9116): whom to tell of a flaw in this installation.

TOCSIN_SECURITY_CONTACT    where to write, `mailto:security@cert.example, https://…`; without it,
                           there is no such file
TOCSIN_SECURITY_EXPIRES    the day after which nobody should rely on it, 2027-06-30
TOCSIN_SECURITY_POLICY     address of a page that says how reports are handled
TOCSIN_SECURITY_LANGUAGES  languages that reports are read in, `en, fr`
TOCSIN_SECURITY_CANONICAL  address under which the file stands
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tocsin.words.errors import NotFound, Unusable

SOON = timedelta(days=30)
LONGEST = 366 * timedelta(days=1)  # RFC 9116 2.5.5 recommends less than a year
MOST = 2000  # characters of one address
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")  # RFC 5646, as much as is met
_MAILBOX = re.compile(r"[^\s@:]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_NUMBER = re.compile(r"\+[0-9][0-9-]{3,30}")


@dataclass(frozen=True)
class SecurityTxt:
    """What the file says: `contacts` in the order of preference, `expires_at` aware."""

    contacts: tuple[str, ...]
    expires_at: datetime
    policy: str = ""
    languages: tuple[str, ...] = ()
    canonical: str = ""

    def text(self) -> str:
        """One field a line."""
        lines = [
            *(f"Contact: {contact}" for contact in self.contacts),
            f"Expires: {self.expires_at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}",
        ]
        if self.languages:
            lines.append(f"Preferred-Languages: {', '.join(self.languages)}")
        if self.canonical:
            lines.append(f"Canonical: {self.canonical}")
        if self.policy:
            lines.append(f"Policy: {self.policy}")
        return "".join(f"{line}\n" for line in lines)


def read_security_txt() -> SecurityTxt | None:
    """The settings, checked; None where no contact is set. Raises `Unusable`, naming the one."""
    contacts = _many("TOCSIN_SECURITY_CONTACT")
    if not contacts:
        return None
    return SecurityTxt(
        contacts=tuple(_contact(one) for one in contacts),
        expires_at=_expires(os.environ.get("TOCSIN_SECURITY_EXPIRES", "").strip()),
        policy=_address("TOCSIN_SECURITY_POLICY"),
        languages=tuple(_language(one) for one in _many("TOCSIN_SECURITY_LANGUAGES")),
        canonical=_address("TOCSIN_SECURITY_CANONICAL"),
    )


@require_safe
def security_txt(_request: HttpRequest) -> HttpResponse:
    """The file, for anybody; not there where the operator set none, or one that cannot work."""
    try:
        found = read_security_txt()
    except Unusable as fault:  # the operator's slip, said by `tocsin doctor` and not to strangers
        raise NotFound("this node says nothing here") from fault
    if found is None:
        raise NotFound("this node says nothing here")
    return HttpResponse(
        found.text(),
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "public, max-age=3600"},
    )


def _many(name: str) -> list[str]:
    return [one.strip() for one in os.environ.get(name, "").split(",") if one.strip()]


def _contact(text: str) -> str:
    """A URI (RFC 9116 2.5.3); a plain mailbox is one with `mailto:`."""
    if _MAILBOX.fullmatch(text):
        text = f"mailto:{text}"
    scheme, _, rest = text.partition(":")
    fits = {
        "mailto": _MAILBOX.fullmatch(rest) is not None,
        "tel": _NUMBER.fullmatch(rest) is not None,
        "https": _is_https(text),
    }
    if _is_plain(text) and fits.get(scheme.lower(), False):
        return text
    raise Unusable(
        f"TOCSIN_SECURITY_CONTACT: {text[:80]!r} is no contact (RFC 9116 2.5.3). "
        "Possible: mailto:security@cert.example, https://cert.example/security, tel:+32-2-555-0100"
    )


def _expires(text: str) -> datetime:
    """A day (until its end, UTC) or a moment with its zone."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(datetime.fromisoformat(text), time(23, 59, 59), tzinfo=UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unusable(
        f"TOCSIN_SECURITY_EXPIRES={text[:80]!r} is no day, and a security.txt must have one "
        "(RFC 9116 2.5.5). Possible: 2027-06-30, less than a year from now"
    )


def _address(name: str) -> str:
    text = os.environ.get(name, "").strip()
    if not text or (_is_plain(text) and _is_https(text)):
        return text
    raise Unusable(
        f"{name}={text[:80]!r} is no https address (RFC 9116 2.5.7). "
        "Possible: https://cert.example/…"
    )


def _language(text: str) -> str:
    if _TAG.fullmatch(text):
        return text
    raise Unusable(
        f"TOCSIN_SECURITY_LANGUAGES: {text[:80]!r} is no language. Possible: en, fr, nl-BE"
    )


def _is_plain(text: str) -> bool:
    """One line without blanks, so that no field can begin another."""
    return text.isascii() and text.isprintable() and " " not in text and len(text) <= MOST


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
