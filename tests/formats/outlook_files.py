"""Write small Outlook message files (MS-OXMSG in MS-CFB), for tests and for the sample."""

import struct
from dataclasses import dataclass, field

SECTOR, MINI = 512, 64
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


@dataclass
class Folder:
    """A storage: streams and storages by name."""

    streams: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, "Folder"] = field(default_factory=dict)


def text(number: str, value: str) -> dict[str, bytes]:
    """One UTF-16 property."""
    return {f"__substg1.0_{number}001F": value.encode("utf-16-le")}


def message(
    *,
    header: str = "",
    subject: str = "",
    body: str = "",
    page: bytes = b"",
    rtf: bytes = b"",
    attachments: tuple[Folder, ...] = (),
    top: bool = True,
) -> Folder:
    """A message as a storage."""
    streams = {"__properties_version1.0": bytes(32 if top else 24)}
    streams |= text("007D", header) if header else {}
    streams |= text("0037", subject) | text("1000", body)
    streams |= {"__substg1.0_10130102": page} if page else {}
    streams |= {"__substg1.0_10090102": rtf} if rtf else {}
    folders = {f"__attach_version1.0_#{n:08X}": one for n, one in enumerate(attachments)}
    return Folder(streams, folders)


def file_attached(name: str, kind: str, data: bytes) -> Folder:
    """An attachment with bytes."""
    streams = {"__properties_version1.0": bytes(8), "__substg1.0_37010102": data}
    return Folder(streams | text("3707", name) | text("370E", kind))


def message_attached(inner: Folder) -> Folder:
    """An attachment that is a message itself."""
    return Folder({"__properties_version1.0": bytes(8)}, {"__substg1.0_3701000D": inner})


def write(root: Folder) -> bytes:
    """The compound file of a storage."""
    return _Writer().file(root)


def _entry(name: str, kind: int, *, links: tuple[int, int], start: int, size: int) -> bytes:
    """A directory entry; `links` are its right sibling and its child."""
    coded = name.encode("utf-16-le")
    head = coded.ljust(64, b"\0") + struct.pack("<HBB", len(coded) + 2, kind, 1)
    return head + struct.pack("<III", FREE, *links) + bytes(36) + struct.pack("<IQ", start, size)


class _Writer:
    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.fat: list[int] = []
        self.mini: list[bytes] = []
        self.minifat: list[int] = []
        self.entries: list[bytes] = []

    def file(self, root: Folder) -> bytes:
        top = self.hang(root)
        small = b"".join(self.mini)
        start = self.large(small)
        self.entries.insert(
            0, _entry("Root Entry", 5, links=(FREE, top), start=start, size=len(small))
        )
        while len(self.entries) % 4:
            self.entries.append(_entry("", 0, links=(FREE, FREE), start=0, size=0))
        directory = self.large(b"".join(self.entries))
        packed = struct.pack(f"<{len(self.minifat)}I", *self.minifat)
        packed += b"\xff" * (-len(packed) % SECTOR)
        first = self.large(packed)
        count = 1
        while count * 128 < len(self.fat) + count:
            count += 1
        places = range(len(self.fat), len(self.fat) + count)
        table = [*self.fat, *[FAT] * count]
        table += [FREE] * (count * 128 - len(table))
        header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
        header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
        header += struct.pack("<IIIII", 0, count, directory, 0, 4096)
        header += struct.pack("<IIII", first, len(packed) // SECTOR, END, 0)
        header += struct.pack("<109I", *places, *[FREE] * (109 - count))
        return header + b"".join(self.sectors) + struct.pack(f"<{len(table)}I", *table)

    def hang(self, folder: Folder) -> int:
        """Write the entries of a storage, each the left neighbour of the one before it."""
        right = FREE
        for name, inner in sorted(folder.folders.items(), reverse=True):
            child = self.hang(inner)
            self.entries.append(_entry(name, 1, links=(right, child), start=0, size=0))
            right = len(self.entries)  # the root comes before all of them
        for name, data in sorted(folder.streams.items(), reverse=True):
            start = self.large(data) if len(data) >= 4096 else self.small(data)
            self.entries.append(_entry(name, 2, links=(right, FREE), start=start, size=len(data)))
            right = len(self.entries)
        return right

    def large(self, data: bytes) -> int:
        return _chain(data, self.sectors, self.fat, SECTOR)

    def small(self, data: bytes) -> int:
        return _chain(data, self.mini, self.minifat, MINI)


def _chain(data: bytes, into: list[bytes], table: list[int], size: int) -> int:
    """Append data in sectors that follow each other; the number of the first."""
    if not data:
        return END
    first = len(into)
    pieces = [data[at : at + size].ljust(size, b"\0") for at in range(0, len(data), size)]
    into += pieces
    table += [*range(first + 1, first + len(pieces)), END]
    return first


LURE = message(
    header=(
        "Received: from mail.harbour-online.example (unknown [198.51.100.20])\r\n"
        " by mx.kodu.example with ESMTPS; Mon, 23 Nov 2026 18:00:00 +0000\r\n"
        "From: Tax Office <refund@tax.example>\r\nTo: uno@kodu.example\r\n"
        "Subject: Refund\r\nDate: Mon, 23 Nov 2026 17:59:58 +0000\r\n"
        "Message-ID: <t1@harbour-online.example>\r\n"
    ),
    subject="Refund",
    body="Refund: tax.example/refund <https://tax-refund.example/ee/uno@kodu.example>",
    page=(
        b'<meta charset="windows-1252"><p>Refund: '
        b'<a href="https://tax-refund.example/ee/uno@kodu.example">tax.example/refund</a></p>'
    ),
    attachments=(file_attached("form.pdf", "application/pdf", b"%PDF-1.4\n%%EOF\n"),),
    top=False,
)
SAMPLE = message(
    header="From: Uno <uno@kodu.example>\r\nTo: report@csirt.example\r\nSubject: FW: Refund\r\n",
    subject="FW: Refund",
    body="Hello, I got this. Uno, https://uno.kodu.example/",
    attachments=(message_attached(LURE),),
)
