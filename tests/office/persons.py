"""A person who is in every place of a store, and a reader of every byte in it."""

import gzip
import io
import zipfile
from pathlib import Path

import polars as pl

from tocsin.node.samples import samples_folder
from tocsin.office import evidence
from tocsin.office.models import Evidence

SAMPLES = samples_folder()
PARTIES = SAMPLES / "parties.toml"
OVERLAY = SAMPLES / "networks.csv"

V4, V6, ACCOUNT = "192.0.2.77", "2001:db8:1::77", "anna.secret@meadow-net.example"
NEIGHBOURS = ("192.0.2.7", "192.0.2.177", "2001:db8:1::770")

HEADER = '"timestamp","src_ip","src_port","infection","src_hostname","tag"\n'
_ROW = '"2026-11-22 09:00:{second:02}","{ip}","{port}","quillworm","{host}","{tag}"\n'

# Every spelling here names the person; none of them stands in the canonical form alone.
SPELLINGS = (
    V4,
    f"{V4}/32",
    "::ffff:192.0.2.77",
    "::FFFF:C000:024D",
    V6,
    "2001:0DB8:0001:0000:0000:0000:0000:0077",
    "2001:DB8:1:0::77",
)


def row(ip: str, *, second: int = 0, port: int = 4000, host: str = "", tag: str = "") -> str:
    """One record of a report."""
    return _ROW.format(ip=ip, second=second, port=port, host=host, tag=tag)


def sinkhole(*, mine: bool = True) -> bytes:
    """A report about the person and three neighbours."""
    rows = [row(ip, port=5000 + at, tag="n") for at, ip in enumerate(NEIGHBOURS)]
    if mine:
        rows[1:1] = [row(ip, second=at, port=4000 + at) for at, ip in enumerate(SPELLINGS)]
        rows += [
            row("192.0.2.8", host="line-192-0-2-77.meadow-net.example"),
            row("192.0.2.9", tag=f"login of {ACCOUNT.upper()}"),
            f'"no moment","{V4}","1","quillworm","",""\n',
            f"broken,{V4}\n",
            '"no moment","192.0.2.10","1","quillworm","",""\n',
        ]
    return (HEADER + "".join(rows)).encode()


def write_reports(folder: Path) -> list[Path]:
    """The report as it comes: plain, gzip, zip, and as JSON lines with an account."""
    folder.mkdir()
    plain = sinkhole()
    objects = (
        f'{{"source.ip":"192.0.2.20","source.account":"{ACCOUNT}","classification.type":"spam"}}\n'
        f'{{"source.ip":"192.0.2.21","classification.type":"spam"}}\n'
        '{"source.ip":"192.0.2.\\u0037\\u0037","classification.type":"spam"}\n'
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("2026-11-22-event4_sinkhole-one.csv", plain.replace(b"4000", b"4100"))
        archive.writestr("2026-11-22-event4_sinkhole-two.csv", sinkhole(mine=False))
    files = {
        "2026-11-22-event4_sinkhole-a.csv": plain,
        "2026-11-22-event4_sinkhole-b.csv.gz": gzip.compress(plain.replace(b"4001", b"4200")),
        "c-reports.zip": packed.getvalue(),
        f"d-{V4}.json": objects.encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def opened(store: Path) -> dict[str, bytes]:
    """Every file of a store by name: as it lies there, and what can be unpacked out of it."""
    found: dict[str, bytes] = {}
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        name = str(path.relative_to(store))
        found[name] = path.read_bytes()
        if path.suffix == ".parquet":
            found[f"{name} unpacked"] = _unpacked(path)
    for row_ in Evidence.objects.exclude(key=b""):
        data = b"".join(evidence.read(row_.digest, store_folder=store))
        found[f"evidence {row_.digest[:8]} unsealed"] = _plain(data)
    return found


def _unpacked(path: Path) -> bytes:
    table = pl.read_parquet(path)
    texts = [column for column in table if column.dtype in (pl.String, pl.Binary)]
    values = [value for column in texts for value in column.drop_nulls().to_list()]
    return b"\n".join(v.encode() if isinstance(v, str) else v for v in values)


def _plain(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return b"".join(archive.read(name) for name in archive.namelist())
    return data


def traces(store: Path, *more: bytes) -> list[str]:
    """Files in which something of the person stands, whatever its case; handed over or not."""
    looked_for = [
        text.lower().encode()
        for text in (V4 + '"', V4 + "/", "192-0-2-77.", V6 + '"', ACCOUNT, "c000:024d")
    ]
    looked_for += [V6.encode() + b",", V4.encode() + b",", V4.encode() + b"\n", *more]
    return [
        name
        for name, data in opened(store).items()
        if any(text in data.lower() for text in looked_for)
    ]
