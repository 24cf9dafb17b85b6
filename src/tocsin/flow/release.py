"""Release: of each event, the fields one relation may see, by `rules.disclosure`.

Closed unless opened: a field without a row is withheld, a column nobody knows goes only to the
holder of the address, and what `never` names leaves the node to nobody. A value that is
coarsened says less but nothing false: an address becomes its network, a moment its day.
"""

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from ipaddress import IPv6Address

import polars as pl

from tocsin.rules.disclosure import (
    COUNTED,
    MAY_RECEIVE,
    OWN_COLUMNS,
    Act,
    coarsened_fields,
    disclosed_fields,
    is_secret,
    rule,
)
from tocsin.words.fields import EXTRA, FIELDS, Kind
from tocsin.words.markings import TO_IDF, Tlp
from tocsin.words.relations import Relation, Side

RELEASING = (Act.KEEP, Act.COARSEN, Act.PSEUDONYMISE)
OWN = tuple(EXTRA + name for name in OWN_COLUMNS)
_ALWAYS_READ = (
    "classification.type",
    "tlp",
    "time.source",
    "time.observation",
    "report",
    "report.row",
    "repeats",
)
NOT_ATTRIBUTABLE = "no: many lines share this address and the report names no source port"


@dataclass(frozen=True)
class Lane:
    """One relation on one side, on one day: everything that the rules depend on."""

    relation: Relation
    side: Side
    on: date


@cache
def columns_of(relation: Relation, on: date) -> tuple[str, ...]:
    """The columns of every delivery to a relation, in IDF's order, our own and `extra` last."""
    opened = set(disclosed_fields(relation, on))
    coarse = {_network_field(name) for name in coarsened_fields(relation, on) if _is_ip(name)}
    fields = tuple(name for name in FIELDS if name in opened | coarse)
    if relation in COUNTED:
        return (*fields, "extra.events")
    return (*fields, *own_of(relation), "extra")


def own_of(relation: Relation) -> tuple[str, ...]:
    """Our own columns in a delivery; only the reporter learns which relations were told."""
    told = {f"{EXTRA}told"} if relation is not Relation.REPORTER else {f"{EXTRA}because"}
    return tuple(name for name in OWN if name not in told)


def _is_ip(name: str) -> bool:
    return FIELDS[name] is Kind.IP


def _network_field(name: str) -> str:
    return f"{name.removesuffix('.ip')}.network"


def rule_of(lane: Lane, kind: str, field: str) -> Act:
    """What the table says of one field of one class on this lane."""
    return rule(lane.relation, lane.side, kind, field, lane.on).act


def may_receive(relation: Relation) -> list[str]:
    """Markings of events that may go to the relation at all."""
    return [tlp.value for tlp in Tlp if relation in MAY_RECEIVE[tlp]]


def release(events: pl.DataFrame, lane: Lane, *, secret: bytes) -> pl.DataFrame:
    """Rows as they may leave the node on this lane; the columns of `columns_of`.

    `events`: normalised events with `report.row`, their extras as members (`as_members`), and
    our own columns `because`, `attributable`, `report` (String), `repeats` (UInt32). `secret`
    keys the pseudonyms.
    Rows keep their order; rows whose marking forbids the relation must be gone already.
    """
    wanted = columns_of(lane.relation, lane.on)
    kinds = events["classification.type"].unique().drop_nulls().sort().to_list()
    plan = _Plan(lane, kinds, set(events.columns), secret)
    fields = [plan.column(name) for name in wanted if name in FIELDS]
    if lane.relation in COUNTED:
        return events.select(fields).group_by(wanted[:-1]).len("extra.events").sort(wanted[:-1])
    own = [_own(name.removeprefix(EXTRA), events.columns) for name in own_of(lane.relation)]
    return events.select(*fields, *own, plan.extra())


def needed(lane: Lane, present: Sequence[str]) -> list[str]:
    """The columns of events that `release` reads on this lane; the rest need not be gathered."""
    wanted = set(columns_of(lane.relation, lane.on)) | set(_ALWAYS_READ)
    addresses = {f"{side}.{part}" for side in Side for part in ("ip", "v4")}
    return [
        name
        for name in present
        if name in wanted or name in addresses or (name.startswith(EXTRA) and not is_secret(name))
    ]


def _own(name: str, present: Sequence[str]) -> pl.Expr:
    source = "report.row" if name == "row" else name
    known = pl.col(source) if source in present else pl.lit(None, dtype=pl.String)
    return known.alias(EXTRA + name)


@dataclass(frozen=True)
class _Plan:
    """Expressions for one lane over the classes that are present."""

    lane: Lane
    kinds: Sequence[str]
    present: set[str]
    secret: bytes

    def column(self, name: str) -> pl.Expr:
        """The released value of one IDF field, null where the rules withhold it."""
        dtype = _DTYPES.get(FIELDS[name], pl.String)
        released = self._by_act(name)
        if name.endswith(".network"):
            released = [*released, *self._coarse_network(name.removesuffix(".network"))]
        if not released:
            return pl.lit(None, dtype=dtype).alias(name)
        return pl.coalesce(released).alias(name)

    def _by_act(self, name: str) -> list[pl.Expr]:
        if name not in self.present:
            return []
        found = []
        for act in RELEASING:
            kinds = [kind for kind in self.kinds if rule_of(self.lane, kind, name) is act]
            if kinds and (value := self._apply(act, name)) is not None:
                found.append(self._for_kinds(kinds, value))
        return found

    def _for_kinds(self, kinds: Sequence[str], value: pl.Expr) -> pl.Expr:
        if len(kinds) == len(self.kinds):
            return value
        return pl.when(pl.col("classification.type").is_in(list(kinds))).then(value)

    def _apply(self, act: Act, name: str) -> pl.Expr | None:
        if act is Act.KEEP:
            return _to_idf(name)
        if act is Act.COARSEN:
            return _coarse(name)
        return _pseudonym(name, self.secret)

    def _coarse_network(self, side: str) -> list[pl.Expr]:
        """A coarsened address stands in the network field: IDF allows no CIDR as an address."""
        name = f"{side}.ip"
        if name not in self.present:
            return []
        kinds = [k for k in self.kinds if rule_of(self.lane, k, name) is Act.COARSEN]
        return [self._for_kinds(kinds, _network_of(name))] if kinds else []

    def extra(self) -> pl.Expr:
        """All released `extra.*` columns as one JSON object, empty ones left out."""
        members = [
            self._for_kinds(kinds, pl.col(name))
            for name in sorted(self.present)
            if name.startswith(EXTRA)
            and name not in OWN  # a report cannot speak in our name
            and (kinds := self._kinds_keeping(name))
        ]
        return _joined(members).alias("extra")

    def _kinds_keeping(self, name: str) -> list[str]:
        return [kind for kind in self.kinds if rule_of(self.lane, kind, name) is Act.KEEP]


_DTYPES: dict[Kind, pl.DataType | type[pl.DataType]] = {
    Kind.PORT: pl.UInt16,
    Kind.ASN: pl.UInt32,
    Kind.NUMBER: pl.Float64,
    Kind.TIME: pl.Datetime("us", "UTC"),
}


def _to_idf(name: str) -> pl.Expr:
    if FIELDS[name] is Kind.TLP:
        return pl.col(name).replace({tlp.value: idf for tlp, idf in TO_IDF.items()})
    return pl.col(name)


def _network_of(name: str) -> pl.Expr:
    """192.0.2.7 to 192.0.2.0/24; 2001:db8:1:2::7 to 2001:db8:1::/48."""
    text = pl.col(name)
    v4 = text.str.replace(r"\.[0-9]+$", ".0/24")
    if (side := name.removesuffix(".ip")) not in ("source", "destination"):
        return v4
    is6 = pl.col(f"{side}.v4").is_null()
    v6 = pl.when(is6).then(text).map_elements(_network_of_v6, return_dtype=pl.String)
    return pl.when(is6).then(v6).otherwise(v4)


def _network_of_v6(text: str) -> str:
    low = int(IPv6Address(text)) >> 80 << 80
    return f"{IPv6Address(low)}/48"


_COARSE: dict[Kind, Callable[[pl.Expr], pl.Expr]] = {
    Kind.TIME: lambda value: value.dt.truncate("1d"),
    Kind.URL: lambda value: value.str.extract(r"^([a-z][a-z0-9+.-]*://[^/?#]+)") + "/",
}


def _coarse(name: str) -> pl.Expr | None:
    """None: the kind has no coarser value of its own (an address moves to its network field)."""
    maker = _COARSE.get(FIELDS[name])
    return maker(pl.col(name)) if maker else None


def _pseudonym(name: str, secret: bytes) -> pl.Expr:
    """The same value gives the same name to the same node, and says nothing else."""

    def digest(value: str) -> str:
        return hmac.digest(secret, f"{name}\x1f{value}".encode(), "sha256").hex()[:32]

    return pl.col(name).cast(pl.String).map_elements(digest, return_dtype=pl.String)


def as_members(events: pl.DataFrame) -> pl.DataFrame:
    """Every `extra.x` column to the text of its JSON member, `"x":"value"`; null stays null.

    Done once per chunk: each recipient's `extra` object is then a joining of members.
    """
    names = [name for name in events.columns if name.startswith(EXTRA)]
    special = events.select(pl.col(names).str.contains(r'["\\]').any())
    return events.with_columns(
        (pl.lit(f'"{name.removeprefix(EXTRA)}":"') + _escaped(name, special) + pl.lit('"')).alias(
            name
        )
        for name in names
    ).select(events.columns)


def member(key: str, values: pl.Series) -> pl.Series:
    """A column of plain texts (no quotation marks) as the members of `extra.<key>`."""
    return (f'"{key}":"' + values + '"').alias(EXTRA + key)


def member_value(text: str) -> str:
    """The value in one member: `"tag":"x"` to `x`."""
    return str(next(iter(json.loads("{" + text + "}").values())))


def _escaped(name: str, special: pl.DataFrame) -> pl.Expr:
    text = pl.col(name)
    if not special[name].item():
        return text
    return text.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
        '"', '\\"', literal=True
    )


def json_object(names: Sequence[str]) -> pl.Expr:
    """Columns of members (`as_members`) to one JSON object as text; empty ones left out."""
    return _joined([pl.col(name) for name in sorted(names)])


def _joined(members: Sequence[pl.Expr]) -> pl.Expr:
    if not members:
        return pl.lit(None, dtype=pl.String)
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then("{" + joined + "}")


def explain(lane: Lane, kind: str, fields: Sequence[str]) -> list[dict[str, str]]:
    """Field by field: what happened, why, on what basis; for manifests and `tocsin preview`."""
    rulings = [(name, rule(lane.relation, lane.side, kind, name, lane.on)) for name in fields]
    return [
        {
            "field": name,
            "act": ruling.act.value,
            "purpose": ruling.row.purpose if ruling.row else "",
            "basis": ruling.row.basis if ruling.row else "no rule opens this field",
        }
        for name, ruling in rulings
    ]
