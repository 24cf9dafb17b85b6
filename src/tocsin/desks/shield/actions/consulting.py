"""Looking at what a citizen sent in: who, what, why stands in the register."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from tocsin.desks.shield.models import Message
from tocsin.desks.shield.queries.messages import Shown, shown
from tocsin.office import register
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound

READ = "shield:message:read"


def consult_message(
    viewer: Viewer, uid: UUID, *, at: datetime, store_folder: Path
) -> tuple[Message, Shown]:
    """A message with what was written; raises `NotFound` for whoever may not."""
    row = Message.objects.select_related("evidence").filter(uid=uid).first()
    if row is None or not viewer.may(READ):
        raise NotFound(f"there is no message {uid}")
    with transaction.atomic():
        register.consult(
            noun="shield:message",
            actor=viewer.name,
            at=at,
            why="to decide on what it leads to",
            subject=row.uid,
        )
        return row, shown(row, store_folder=store_folder)
