"""What people call a matter: random, without a sequence."""

import secrets

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is mistaken for another


def reference() -> str:
    """`7F3K-9QWZ-2M4H`: 58 random bits."""
    word = "".join(secrets.choice(_LETTERS) for _ in range(12))
    return f"{word[:4]}-{word[4:8]}-{word[8:]}"


def tidy(text: str) -> str:
    """A reference as people type it, in its one spelling."""
    plain = "".join(one for one in text.upper() if one in _LETTERS)[:12]
    return f"{plain[:4]}-{plain[4:8]}-{plain[8:]}"
