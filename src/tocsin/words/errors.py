"""Every error a person can meet.

    TocsinError            says what happened, which rule, and what is possible instead
    ├── Unreadable         bytes that are not what they claim to be
    ├── NotFound           a file, a party, a report that is not there
    ├── Unusable           a setting, an option or a remit that cannot work
    ├── Refused            a rule forbids it
    ├── Busy               somebody else is at it; try again
    ├── Undelivered        a channel could not hand over; `lasting` says whether to try again
    ├── OutOfSpace         the disk is full; nothing was lost
    ├── Unproven           a proof, a signature or a history that does not hold
    └── Unwell             something is wrong with this installation

Exit codes of the command line follow the tree: see `exit_code` on each class.
"""

from datetime import timedelta


class TocsinError(Exception):
    """Base of all expected errors; its text is shown to the user as it is."""

    exit_code = 1


class Unreadable(TocsinError):
    """Bytes that are not what they claim to be."""

    exit_code = 3


class NotFound(TocsinError):
    """Something named that is not there."""

    exit_code = 4


class Unusable(TocsinError):
    """A setting, an option or a party file that cannot work."""

    exit_code = 2


class Refused(TocsinError):
    """A rule forbids it."""

    exit_code = 5


class Busy(TocsinError):
    """Somebody else holds the lock; try again."""

    exit_code = 6


class Undelivered(TocsinError):
    """A channel could not hand over; `lasting` means trying again will not help.

    `after` is how long the other side asked us to wait, where it did.
    """

    exit_code = 7

    def __init__(self, text: str, *, lasting: bool, after: timedelta | None = None) -> None:
        super().__init__(text)
        self.lasting = lasting
        self.after = after


class OutOfSpace(TocsinError):
    """The disk is full or not writable; the work is kept where it was."""

    exit_code = 8


class Unproven(TocsinError):
    """A proof, a signature or a history that does not hold."""

    exit_code = 9


class Unwell(TocsinError):
    """Something is wrong with this installation; `tocsin doctor` says what and how to mend it."""

    exit_code = 10
