"""What limits a line and lifts it again: the provider's RADIUS server, or its own webhook.

One file of the operator (TOML) says where they are and, for each measure, what is sent for "in"
and for "out". A webhook takes the measure, the line's own name, and whether it is on, signed as our
webhooks are; its key is the same at every attempt.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.channels import gateway, radius
from tocsin.channels.gateway import Gateway
from tocsin.channels.radius import Answer, Key, Server
from tocsin.words.errors import Undelivered, Unusable

_WAYS = ("radius", "webhook")
_WEBHOOK = {"url", "secret_file", "allow", "ca_file"}


@dataclass(frozen=True)
class Switch:
    """By which way a measure goes, and the attributes of RADIUS that set and lift it."""

    by: str
    begin: Mapping[Key, bytes] = field(default_factory=dict)
    end: Mapping[Key, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Measures:
    """What the operator set; `most` in 24 hours, and whether new ones are taken at all."""

    switches: Mapping[str, Switch]
    server: Server | None = None
    webhook: Gateway | None = None
    most: int = 50
    is_on: bool = True


def read_measures(
    path: str, *, kinds: tuple[str, ...], most: int = 50, is_on: bool = True
) -> Measures | None:
    """The operator's file, checked; None where none is set. Raises `Unusable`."""
    if not path:
        return None
    try:
        facts = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise Unusable(f"{path[:200]} cannot be read as TOML: {fault}") from None
    tables = {name: _table(facts, name) for name in (*_WAYS, "measures")}
    if unknown := sorted(set(facts) - set(tables)):
        raise Unusable(f"no table {unknown[0][:40]!r}. Possible: {', '.join(tables)}")
    server = radius.server_of(tables["radius"]) if tables["radius"] else None
    webhook = _webhook(tables["webhook"]) if tables["webhook"] else None
    switches = {kind: _switch(kind, tables["measures"], kinds) for kind in tables["measures"]}
    for kind, one in switches.items():
        if (server if one.by == "radius" else webhook) is None:
            raise Unusable(f"{kind}: there is no table [{one.by}]")
    return Measures(switches, server, webhook, most, is_on)


def _table(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = facts.get(name, {})
    if not isinstance(found, dict):
        raise Unusable(f"{name} is a table: [{name}]")
    return found


def _webhook(facts: Mapping[str, Any]) -> Gateway:
    if unknown := sorted(set(facts) - _WEBHOOK):
        raise Unusable(f"webhook: {unknown[0][:40]!r} is no setting")
    made = None
    if facts.get("secret_file"):
        made = gateway.gateway_of({key: str(value) for key, value in facts.items()})
    if made is None:
        raise Unusable("webhook: url and secret_file are needed")
    return made


def _switch(kind: str, table: Mapping[str, Any], kinds: tuple[str, ...]) -> Switch:
    facts = _table(table, kind)
    if kind not in kinds:
        raise Unusable(f"no measure {kind[:40]!r}. Possible: {', '.join(kinds)}")
    if facts.get("by") not in _WAYS or set(facts) - {"by", "in", "out"}:
        raise Unusable(f'{kind}: possible is by = "radius" or "webhook", in = {{…}}, out = {{…}}')
    begin, end = _attributes(facts, "in"), _attributes(facts, "out")
    if facts["by"] == "radius" and not (begin and end):
        raise Unusable(f"{kind}: RADIUS needs attributes for in and for out")
    return Switch(facts["by"], begin, end)


def _attributes(facts: Mapping[str, Any], name: str) -> dict[Key, bytes]:
    return {
        radius.key_of(key): radius.value_of(value) for key, value in _table(facts, name).items()
    }


def switch(measures: Measures, kind: str, line: str, *, on: bool, key: str, at: datetime) -> None:
    """Set a measure on a line, or lift it; raises `Undelivered` where that was not done."""
    how = measures.switches.get(kind)
    if how is None:
        raise Undelivered(f"no way for {kind} is set", lasting=False)
    if how.by == "webhook" and measures.webhook is not None:
        said = {"measure": kind, "subscriber": line, "state": "on" if on else "off"}
        gateway.post(measures.webhook, said, key=f"{key}-{said['state']}", at=at)
    elif measures.server is not None:
        _ask(measures.server, how, line, on=on, at=at)


def _ask(server: Server, how: Switch, line: str, *, on: bool, at: datetime) -> None:
    said = radius.change(server, line, how.begin if on else how.end, at=at)
    if said.answer is Answer.ACK:
        return
    if not on and said.cause == radius.SESSION_GONE:
        return  # what was set on a session went with it
    cause = f", Error-Cause {said.cause}" if said.cause else ""
    raise Undelivered(f"radius {server.host}: {said.answer.value}{cause}", lasting=False)
