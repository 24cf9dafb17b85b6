"""What others say of the public log: witnesses that saw it grow, and time stamps.

A witness that knows another history of this log is the one thing that must never pass in silence:
it is written into the register, the people of the node are told, and the job stays in error.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.channels import outbound, time_stamp, webhook, witness
from tocsin.flow import durable
from tocsin.ledger.keys import Verifier
from tocsin.ledger.log import Log
from tocsin.ledger.notes import Note, check_note
from tocsin.ledger.policy import Policy, read_policy
from tocsin.office import notices, register
from tocsin.office.models import Party
from tocsin.office.publiclog import open_log
from tocsin.words.errors import NotFound, TocsinError, Undelivered, Unproven
from tocsin.words.moments import iso

ALARM = "office:log:alarm"
Settings = Mapping[str, Mapping[str, str]]


def ask_witnesses(*, store_folder: Path, settings: Settings, by: str, at: datetime) -> str | None:
    """Ask every witness of the policy that has not cosigned what is published.

    Says how many did; None where nothing is to ask. Raises `Unproven` where one of them knows
    another history, `Undelivered` where none could be asked.
    """
    named = settings["log"].get("policy", "")
    log = open_log(store_folder)
    note = log.note()
    if not named or note is None:
        return None
    policy = policy_of(Path(named))
    missing = _missing(policy, note)
    failed: list[TocsinError] = []
    gained = 0
    for url, verifiers in missing.items():
        try:
            gained += _ask(log, note, url, verifiers, settings)
        except Unproven as fault:
            _shout(fault, store_folder=store_folder, settings=settings, by=by, at=at)
            failed.append(fault)
        except Undelivered as fault:
            failed.append(fault)
    if failed:
        raise next((one for one in failed if isinstance(one, Unproven)), failed[0])
    return f"{gained} cosignatures at {log.published().size:,} leaves" if gained else None


def policy_of(path: Path) -> Policy:
    """The policy file of the settings; raises `NotFound`, `Unreadable`."""
    try:
        return read_policy(path.read_bytes())
    except OSError as fault:
        raise NotFound(f"TOCSIN_LOG_POLICY={path} cannot be read: {fault.strerror}") from None


def _missing(policy: Policy, note: Note) -> dict[str, list[Verifier]]:
    """Witnesses by address, those whose cosignature the note has left out."""
    ours = _ours(policy, note)
    given = {row.verifier for row in check_note(note, ours)} if ours else set()
    found: dict[str, list[Verifier]] = {}
    for verifier, url in policy.urls.items():
        if verifier not in given:
            found.setdefault(url, []).append(verifier)
    return found


def _ours(policy: Policy, note: Note) -> list[Verifier]:
    """The witnesses among the signers; with none of them there is nothing to check."""
    names = {(row.name, row.key_id) for row in note.signatures}
    return [row for row in policy.urls if (row.name, row.key_id) in names]


def _network(settings: Settings) -> outbound.Policy:
    """As for webhooks; http too, since what comes back is signed, and port 80 with it."""
    policy = webhook.read_policy(settings.get("webhook", {}))
    return replace(policy, plain=True, ports=policy.ports | {80})


def _ask(log: Log, note: Note, url: str, verifiers: list[Verifier], settings: Settings) -> int:
    signatures = witness.ask(
        witness.read_prefix(url),
        note,
        consistency=log.consistency,
        witnesses=verifiers,
        policy=_network(settings),
    )
    return len(signatures) if log.cosign(note.text, signatures) else 0


def _shout(
    fault: Unproven, *, store_folder: Path, settings: Settings, by: str, at: datetime
) -> None:
    """Once a day and sentence: a register row, and a notice to the party that runs the node."""
    said, day = str(fault), f"{at:%Y-%m-%d}"
    known = register.rows(action=ALARM).filter(facts__day=day, facts__said=said)
    if known.exists():
        return
    with transaction.atomic():
        row = register.record(action=ALARM, actor=by, at=at, facts={"said": said, "day": day})
        for party in Party.objects.filter(runs_node=True):
            notices.queue_notice(
                party=party,
                about=f"log alarm {row.uid.hex}",
                subject="Alarm: a witness knows another history of the public log",
                text=f"{said}\n\nSeen at {iso(at)}. Keep the folder log/ as it is, and compare it "
                "with a copy that others hold: tocsin log verify, tocsin log status.",
                facts={"alarm": row.uid.hex},
                at=at,
                store_folder=store_folder,
                node=settings["node"]["name"],
            )


def stamp_log(*, store_folder: Path, settings: Settings) -> str | None:
    """Have the published checkpoint stamped, once a size; None where nothing is to stamp."""
    words, log = settings["log"], open_log(store_folder)
    note = log.note()
    if not words.get("time_stamps") or note is None:
        return None
    target = log.public / "stamps" / f"{log.published().size}.tsr"
    if target.exists():
        return None
    made = time_stamp.ask_stamp(
        words["time_stamps"],
        note.text.encode(),
        roots=Path(words["time_stamp_roots"]),
        policy=_network(settings),
    )
    durable.write(target, made.data)
    target.chmod(0o644)
    (log.public / "stamps").chmod(0o755)
    return f"stamped {log.published().size:,} leaves at {iso(made.at)}"
