"""What is taken out of an Outlook message file before it is a letter."""

from dataclasses import dataclass, field


@dataclass
class Sketch:
    """Header as RFC 5322 bytes, bodies as text, attachments as (media type, name, bytes)."""

    header: bytes = b""
    texts: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    attachments: list[tuple[str, str, bytes]] = field(default_factory=list)
    enclosed: list["Sketch"] = field(default_factory=list)
