"""Recall: the events that one case counts, read back out of the store, and released anew.

A case keeps no events. Which are its own follows from what stands with each event: whom it was
told to and for which part of their remit (`flow.tally.Labels`), its class, its family and what it
is about; so what is read is what was told, whatever remits say today.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from ipaddress import ip_address, ip_network
from operator import or_
from pathlib import Path

import polars as pl

from tocsin.flow.domains import registrable_domains
from tocsin.flow.footers import Place, places
from tocsin.flow.release import Lane, may_receive, member, release, rule_of
from tocsin.flow.store import files_of, read_files
from tocsin.flow.tally import REST
from tocsin.rules.disclosure import Act
from tocsin.words.errors import Unusable
from tocsin.words.relations import Relation, RemitKind, Side

# Which event it is, where it lies, and what it is put in order by.
_FOUND: dict[str, pl.DataType | type[pl.DataType]] = {
    "report": pl.String,
    "row": pl.Int64,
    "told": pl.String,
    "file": pl.String,
    "time.source": pl.Datetime("us", "UTC"),
}
Beside = tuple[str, str, str, str]  # run, family, kind of what it is about, what it is about


@dataclass(frozen=True)
class Selection:
    """What one case counts: told as which label, of which class, family and thing.

    `beside` are the things that the same runs told of as cases of their own, run by run: a case of
    the rest counts what is none of them. `within` and `without` are networks or domains (a split).
    """

    told_as: str
    relation: Relation
    side: Side
    kind: str
    family: str
    about_kind: str
    about: str
    beside: tuple[Beside, ...] = ()
    within: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recalled:
    """Some rows as their party may see them, of how many."""

    rows: list[dict[str, object]]
    total: int


def recall(
    table: Path,
    selections: Sequence[Selection],
    *,
    runs: Sequence[str],
    days: Sequence[date],
    start: int,
    size: int,
    on: date,
    secret: bytes,
) -> Recalled:
    """A stretch of a case's events, the latest first; `selections` share relation and side."""
    found = which(table, selections, runs=runs, days=days, on=on)
    page = _latest(found, start + size).slice(start, size)
    if not len(page):
        return Recalled([], len(found))
    wanted = (
        read_files(Path(name) for name in page["file"].unique().sort())
        .filter(
            # The order of the files: what lies outside is passed over.
            pl.col("told").is_between(pl.lit(page["told"].min()), pl.lit(page["told"].max())),
            pl.col("told").is_in(page["told"].unique().implode()),
            pl.col("report").is_in(page["report"].unique().implode()),
            pl.col("row").is_in(page["row"].unique().implode()),
        )
        .collect()
        .join(
            page.select("file", "report", "row"),
            on=["file", "report", "row"],
            maintain_order="right",
        )
    )
    first = selections[0]
    lane = Lane(first.relation, first.side, on)
    released = release(_as_flowing(wanted, first.relation), lane, secret=secret)
    rows = [
        {name: value for name, value in row.items() if value is not None}
        for row in released.iter_rows(named=True)
    ]
    return Recalled(rows, len(found))


def which(
    table: Path,
    selections: Sequence[Selection],
    *,
    runs: Sequence[str],
    days: Sequence[date],
    on: date,
) -> pl.DataFrame:
    """`report`, `row`, `told`, `file` and `time.source` of every event, in no order."""
    nothing = pl.DataFrame(schema=_FOUND)
    if not runs or not selections or not (table / "_delta_log").is_dir():
        return nothing
    labels, files = {one.told_as for one in selections}, files_of(table, days=days)
    candidates = [
        _candidates(place, selections) for place in places(files, told_as=labels, runs=runs)
    ]
    if not any(map(len, candidates)):
        return nothing
    rows = pl.concat(candidates)
    own = [_is_own(rows, one, on) for one in selections]
    return rows.filter(reduce(or_, own)).select(*_FOUND)


def _latest(found: pl.DataFrame, most: int) -> pl.DataFrame:
    """So many of them, the latest first; those without a moment are the last."""
    by, is_down = ["time.source", "report", "row"], [True, False, False]
    if len(found) > most:  # to put all of them in order costs more than to find them
        found = found.top_k(most, by=by, reverse=[not one for one in is_down])
    return found.sort(by, descending=is_down, nulls_last=True)


def _candidates(place: Place, selections: Sequence[Selection]) -> pl.DataFrame:
    """What may belong to a case, with all that says whether it does."""
    side = selections[0].side
    return (
        read_files(place.files)
        .filter(*place.likely, *_likely(selections))
        .select(
            *_FOUND,
            "run",
            "classification.type",
            "classification.identifier",
            "malware.name",
            pl.col(f"{side}.asn").alias("asn"),
            pl.col(f"{side}.fqdn").alias("fqdn"),
            pl.col(f"{side}.ip").alias("ip"),
        )
        .collect()
    )


def _likely(selections: Sequence[Selection]) -> list[pl.Expr]:
    """What every event of a case fulfils, and few others: cheap enough to ask of millions."""
    likely = [pl.col("classification.type").is_in(sorted({one.kind for one in selections}))]
    numbers = [_asn_of(one) for one in selections]
    if None not in numbers:
        asn = pl.col(f"{selections[0].side}.asn")
        likely.append(asn.is_in(sorted(set(filter(None, numbers)))) | asn.is_null())
    return likely


def _asn_of(one: Selection) -> int | None:
    """The AS that all events of a case have, where it is about one that stands with each."""
    is_about = one.relation is Relation.CSIRT and one.about_kind == RemitKind.ASN
    digits = one.about.removeprefix("AS")
    return int(digits) if is_about and digits.isdigit() else None


def _is_own(rows: pl.DataFrame, one: Selection, on: date) -> pl.Series:
    """As `flow.tally` counted them."""
    told = _remits(rows["told"], one.told_as)
    family, (kind, about) = _family(rows, one, on), _about(rows, one, told)
    mine = (family == one.family) & (kind == one.about_kind) & (about == one.about)
    if one.about_kind == REST:
        mine = ~_is_beside([rows["run"], family, kind, about], one.beside)
    mine &= told.is_not_null() & (rows["classification.type"] == one.kind)
    for where in one.within:
        mine &= _lies_in(rows, where)
    for other in one.without:
        mine &= ~_lies_in(rows, other)
    return mine.fill_null(value=False)


def _remits(told: pl.Series, told_as: str) -> pl.Series:
    """`asn:AS64496`: for which part of their remit somebody was told; null where they were not."""
    texts = told.unique().drop_nulls()  # few, of many rows
    remits = texts.str.extract(f"(?m)^{_literal(told_as)}:(.*)$")
    return told.replace_strict(texts, remits, default=None, return_dtype=pl.String)


def _is_beside(things: list[pl.Series], beside: Sequence[Beside]) -> pl.Series:
    """Whether a row is of something that its run told apart."""
    names = ["run", "family", "kind", "about"]
    apart = pl.DataFrame(list(beside), schema=dict.fromkeys(names, pl.String), orient="row")
    table = pl.DataFrame([one.alias(name) for one, name in zip(things, names, strict=True)])
    found = table.join(
        apart.unique().with_columns(pl.lit(value=True).alias("is_beside")),
        on=names,
        how="left",
        maintain_order="left",
    )
    return found["is_beside"].fill_null(value=False)


def _literal(text: str) -> str:
    return "".join(letter if letter.isalnum() else f"\\{letter}" for letter in text)


def _family(rows: pl.DataFrame, one: Selection, on: date) -> pl.Series:
    """By the fields that the relation may see: others did not count."""
    lane = Lane(one.relation, one.side, on)
    names = ("malware.name", "classification.identifier")
    seen = [name for name in names if rule_of(lane, one.kind, name) is Act.KEEP]
    return rows.select(pl.coalesce(*seen, pl.lit("")).alias("family"))["family"]


def _about(rows: pl.DataFrame, one: Selection, told: pl.Series) -> tuple[pl.Series, pl.Series]:
    kind, about = told.str.extract(r"^([a-z]+):"), told.str.extract(r"^[a-z]+:(.*)$")
    if one.relation is Relation.NETWORK:
        return kind, about
    domain = registrable_domains(rows["fqdn"])
    asn = "AS" + rows["asn"].cast(pl.String)
    if one.relation is not Relation.CSIRT:
        asn = asn.clear().extend_constant(None, len(asn))
    table = pl.DataFrame({"kind": kind, "about": about, "domain": domain, "asn": asn})
    found = table.select(
        pl.when(pl.col("asn").is_not_null())
        .then(pl.lit(RemitKind.ASN.value))
        .when(pl.col("domain").is_not_null())
        .then(pl.lit(RemitKind.DOMAIN.value))
        .otherwise("kind")
        .alias("kind"),
        pl.coalesce("asn", "domain", "about").alias("about"),
    )
    return found["kind"], found["about"]


def _lies_in(rows: pl.DataFrame, where: str) -> pl.Series:
    """Whose address lies in a network, or whose name under a domain."""
    try:
        network = ip_network(where)
    except ValueError:
        name = rows["fqdn"].str.to_lowercase()
        return ((name == where) | name.str.ends_with(f".{where}")).fill_null(value=False)

    def inside(text: str) -> bool:
        address = ip_address(text)
        return address.version == network.version and address in network

    lies = {text: inside(text) for text in rows["ip"].drop_nulls().unique()}
    return rows["ip"].replace_strict(lies, default=False, return_dtype=pl.Boolean)


def read_where(text: str) -> str:
    """A network or a domain in its one spelling; raises `Unusable`."""
    wanted = text.strip().lower().rstrip(".")
    try:
        return str(ip_network(wanted))
    except ValueError:
        pass
    labels = wanted.split(".")
    if len(wanted) <= 253 and len(labels) > 1 and all(_is_label(one) for one in labels):
        return wanted
    raise Unusable(
        f"{text!r} is no network and no domain. Possible: 192.0.2.0/26, 2001:db8:1::/64, "
        "shop.example"
    )


def _is_label(text: str) -> bool:
    plain = text.replace("-", "").replace("_", "")
    return 0 < len(text) <= 63 and plain.isascii() and plain.isalnum()


def _as_flowing(rows: pl.DataFrame, relation: Relation) -> pl.DataFrame:
    """Stored rows as `release` reads them: extras as members, the version of each address."""
    texts = rows["extra"].to_list()
    extras = [json.loads(text) if text else {} for text in texts]
    names = sorted({name for one in extras for name in one})
    members = [
        member(name, pl.Series([_escaped(one.get(name)) for one in extras], dtype=pl.String))
        for name in names
    ]
    is_v4 = [
        pl.when(~pl.col(f"{side}.ip").str.contains(":", literal=True))
        .then(pl.lit(0, dtype=pl.UInt32))
        .alias(f"{side}.v4")
        for side in Side
    ]
    return (
        rows.drop("extra")
        .with_columns(
            *is_v4,
            *members,
            pl.col("row").alias("report.row"),
            pl.lit(None, dtype=pl.String).alias("because"),
            pl.lit(None, dtype=pl.String).alias("attributable"),
            pl.col("repeats").cast(pl.UInt32),
        )
        .drop("told", "file")
        .filter(pl.col("tlp").is_in(may_receive(relation)))
    )


def _escaped(value: object) -> str | None:
    """What stands between the quotation marks of a JSON text."""
    if value is None:
        return None
    return json.dumps(value if isinstance(value, str) else str(value), ensure_ascii=False)[1:-1]
