"""What the shield counts for others to see: off unless switched on, nothing below a threshold.

TOCSIN_SHIELD_VISITS  counts visits of the warning page by hour and by `asn` (network) or `country`;
                      without it, nothing is counted
TOCSIN_SHIELD_LEAST   the smallest count of visits, and the fewest listings of a month, that are
                      shown to anybody (default 10)
"""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_KINDS = ("", "asn", "country")


def read_warning() -> dict[str, Any]:
    """The settings, checked; raises `ImproperlyConfigured`, naming the one."""
    visits = os.environ.get("TOCSIN_SHIELD_VISITS", "").strip()
    if visits not in _KINDS:
        raise ImproperlyConfigured(
            f"TOCSIN_SHIELD_VISITS={visits[:30]!r}: possible is asn or country"
        )
    text = os.environ.get("TOCSIN_SHIELD_LEAST", "").strip() or "10"
    if not (text.isascii() and text.isdigit() and 2 <= int(text[:9]) <= 1_000_000):
        raise ImproperlyConfigured(f"TOCSIN_SHIELD_LEAST={text[:30]!r}: possible is 2 to 1000000")
    return {"visits": visits, "least": int(text)}
