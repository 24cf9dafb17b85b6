"""Writing people, mandates, invitations and tokens; each with its register row and a notice."""

from tocsin.office.people.actions.invitations import accept, invite, withdraw
from tocsin.office.people.actions.mandates import end_mandate, grant, run_node
from tocsin.office.people.actions.persons import (
    add_person,
    change_person,
    choose_language,
    close_person,
    end_sessions,
    find_person,
    note_factor_taken,
    set_password,
)
from tocsin.office.people.actions.sharing import (
    add_member,
    end_group,
    make_group,
    remove_member,
)
from tocsin.office.people.actions.tokens import (
    LONGEST_TOKEN,
    TOKEN_PREFIX,
    digest_of,
    end_token,
    make_token,
)

__all__ = [
    "LONGEST_TOKEN",
    "TOKEN_PREFIX",
    "accept",
    "add_member",
    "add_person",
    "change_person",
    "choose_language",
    "close_person",
    "digest_of",
    "end_group",
    "end_mandate",
    "end_sessions",
    "end_token",
    "find_person",
    "grant",
    "invite",
    "make_group",
    "make_token",
    "note_factor_taken",
    "remove_member",
    "run_node",
    "set_password",
    "withdraw",
]
