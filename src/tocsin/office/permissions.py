"""Every permission there is, in alphabetical order: which competences open it, and whose matters.

The same word names the permission, the scope of a token and the tag in the register.
"""

from dataclasses import dataclass
from enum import Enum

from tocsin.words.competences import Competence


class Reach(Enum):
    """Whose matters a permission opens."""

    PARTY = "the matters of one's own party"
    NODE = "those of every party, for people of the party that runs this node"


@dataclass(frozen=True)
class Permission:
    """One row: any of these competences opens it."""

    competences: frozenset[Competence]
    reach: Reach
    does: str
    people_only: bool = False  # no token carries it


def _own(*competences: Competence, does: str) -> Permission:
    return Permission(frozenset(competences), Reach.PARTY, does)


def _person(*competences: Competence, does: str) -> Permission:
    """For people who sign in with a second factor; programs never."""
    return Permission(frozenset(competences), Reach.PARTY, does, people_only=True)


def _reviewer(*competences: Competence, does: str) -> Permission:
    """For people of the node who sign in with a second factor; programs never."""
    return Permission(frozenset(competences), Reach.NODE, does, people_only=True)


def _node(*competences: Competence, does: str) -> Permission:
    return Permission(frozenset(competences), Reach.NODE, does)


def _node_person(*competences: Competence, does: str) -> Permission:
    """For the node's own people who sign in with a second factor; programs never."""
    return Permission(frozenset(competences), Reach.NODE, does, people_only=True)


_ANSWER, _HANDLE = Competence.RESPONSE_ANSWER, Competence.RESPONSE_HANDLE
_ADMINISTER = Competence.PARTY_ADMINISTER
_NOTIFY, _RECEIVE = Competence.NIS2_NOTIFY, Competence.NIS2_RECEIVE
_OVERSEE = Competence.OVERSEE
_PROPOSE, _REVIEW = Competence.SHIELD_PROPOSE, Competence.SHIELD_REVIEW

PERMISSIONS: dict[str, Permission] = {
    "office:mandate:end": _person(_ADMINISTER, does="end a mandate of one's own party"),
    "office:party:change": _node_person(_HANDLE, does="change what is on file of a party"),
    "office:party:change_own": _person(_ADMINISTER, does="change contacts, keys and channel"),
    "office:party:read": _node(_HANDLE, does="see every party"),
    "office:party:read_own": _own(_ADMINISTER, _ANSWER, _HANDLE, does="see one's own party"),
    "office:person:invite": _person(_ADMINISTER, does="invite a colleague, give a mandate"),
    "office:person:read": _person(_ADMINISTER, does="see the people of one's own party"),
    "office:register:read": _node(_OVERSEE, _HANDLE, does="read the register, with a reason"),
    "office:sharing_group:change": _node_person(
        _HANDLE, does="make, change and end sharing groups"
    ),
    "office:sharing_group:read": _node(_HANDLE, does="see every sharing group"),
    "office:token:end": _person(_ADMINISTER, _ANSWER, _HANDLE, does="end an API token"),
    "office:token:make": _person(_ADMINISTER, _ANSWER, _HANDLE, does="make an API token"),
    "response:case:answer": _own(_ANSWER, does="answer for a case of one's own party"),
    "response:case:handle": _node(_HANDLE, does="assign, merge, split, close, comment, tag"),
    "response:case:read": _node(_HANDLE, does="see every case"),
    "response:case:read_own": _own(_ANSWER, _ADMINISTER, does="see the cases of one's own party"),
    "response:delivery:read": _node(_HANDLE, does="see every delivery and its receipts"),
    "response:delivery:read_own": _own(_ANSWER, _ADMINISTER, does="see one's own deliveries"),
    "response:feedback:change_own": _own(
        _ADMINISTER, _ANSWER, _HANDLE, does="choose notices of what became of one's reports"
    ),
    "response:notification:read": _node(_RECEIVE, does="see every NIS2 notification"),
    "response:notification:read_own": _own(_NOTIFY, does="see one's own NIS2 notifications"),
    "response:notification:receive": _node(_RECEIVE, does="ask for, acknowledge, close them"),
    "response:notification:submit": _own(_NOTIFY, does="notify incidents for one's own party"),
    "response:preview:read": _node(_HANDLE, does="look up who would be told of something"),
    "response:report:add": _node(_HANDLE, does="bring in a report"),
    "response:report:add_own": _own(_ANSWER, _HANDLE, does="report something to this node"),
    "response:report:answer": _node(_HANDLE, does="answer whoever sent a report"),
    "response:report:read": _node(_HANDLE, does="see every report"),
    "response:report:read_own": _own(_ANSWER, _HANDLE, does="see what became of one's reports"),
    "shield:appeal:review": _reviewer(_REVIEW, does="decide appeals against listings"),
    "shield:list:fetch": _own(
        _ANSWER, _HANDLE, _PROPOSE, _REVIEW, does="fetch the lists of one's party's audiences"
    ),
    "shield:listing:propose": _own(_PROPOSE, does="approve a listing as the first of two people"),
    "shield:listing:read": _node(_PROPOSE, _REVIEW, does="see every listing with its history"),
    "shield:listing:read_own": _own(_PROPOSE, does="see the listings that one's party proposed"),
    "shield:listing:review": _reviewer(
        _REVIEW, does="confirm, reject, override, renew and withdraw listings"
    ),
    "shield:message:read": _reviewer(
        _PROPOSE, _REVIEW, does="see the queue, and what citizens sent in, which is written down"
    ),
    "shield:name:change": _reviewer(_REVIEW, does="change the lists of names that stop mistakes"),
}
