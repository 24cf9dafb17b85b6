"""How much of one message is read. Whatever stands beyond a limit is left out and counted."""

from dataclasses import dataclass, field

PARTS_LEFT = "messages with over 500 parts, read only that far: {n}"
DEPTH_LEFT = "messages nested over 20 deep, read only that far: {n}"
HEADERS_LEFT = "messages with a header over 256 KiB or 1,000 fields, read only that far: {n}"
TEXT_LEFT = "messages with over 2 MiB of text, read only that far: {n}"
ADDRESSES_LEFT = "messages with over 500 addresses, of which the first were taken: {n}"
ATTACHMENTS_LEFT = "messages with over 50 attachments, of which the first were hashed: {n}"
IMAGES_LEFT = "messages with pictures too many, too large or too broken to look for codes in: {n}"


@dataclass(frozen=True)
class Limits:
    """Bytes, characters, pixels and counts for one message."""

    message: int = 25 * 1024**2
    header_bytes: int = 256 * 1024
    header_fields: int = 1000
    value: int = 16 * 1024  # one header field
    parts: int = 500
    depth: int = 20
    text: int = 2 * 1024**2  # characters of text, and of HTML, over all parts
    addresses: int = 500
    url: int = 8192  # as in flow.normalise
    attachments: int = 50
    images: int = 10
    image_bytes: int = 5 * 1024**2
    pixels: int = 12_000_000
    lures: int = 20  # messages enclosed in one that forwards them


LIMITS = Limits()


@dataclass
class Tally:
    """What was left out of one message: sentence to 1, to be added up over all messages."""

    counts: dict[str, int] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """Note it once per message."""
        self.counts[sentence] = 1

    def add(self, sentence: str, number: int) -> None:
        """Add to a number of things."""
        if number:
            self.counts[sentence] = self.counts.get(sentence, 0) + number
