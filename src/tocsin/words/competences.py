"""What a person may do. A mandate grants competences; lifecycle steps ask for them.

A competence can be granted only to people of parties that have one of the roles beside it: a
mandate of a `csirt` that says `tco.comply` is a mistake, and no step accepts it.
"""

from enum import StrEnum

from tocsin.words.roles import Role


class Competence(StrEnum):
    """`scope.verb`, in alphabetical order."""

    EE_ADDRESSEE = "ee.addressee"
    EE_ENFORCE = "ee.enforce"
    EE_ISSUE = "ee.issue"
    EE_VALIDATE = "ee.validate"
    NIS2_NOTIFY = "nis2.notify"
    NIS2_RECEIVE = "nis2.receive"
    NODE_RECORD = "node.record"  # what the node sees by itself: a receipt came, a period ended
    OVERSEE = "oversee"
    PARTY_ADMINISTER = "party.administer"  # its own people, contacts, keys and channel
    RESPONSE_ANSWER = "response.answer"
    RESPONSE_HANDLE = "response.handle"
    SHIELD_PROPOSE = "shield.propose"  # the first of the two approvals of a listing
    SHIELD_REVIEW = "shield.review"
    TCO_COMPLY = "tco.comply"
    TCO_ISSUE = "tco.issue"
    TCO_JUDGE = "tco.judge"
    TCO_REQUEST = "tco.request"
    TCO_SCRUTINISE = "tco.scrutinise"


_ENTITIES = (Role.ISP, Role.PLATFORM, Role.REGISTRY, Role.BRAND)
_ISSUERS = (Role.COURT, Role.LAW_ENFORCEMENT, Role.AUTHORITY)

# Which roles a mandate may carry a competence in. Nobody is mandated to be the node.
HELD_BY: dict[Competence, tuple[Role, ...]] = {
    Competence.EE_ADDRESSEE: (Role.PLATFORM, Role.ISP, Role.REGISTRY),
    Competence.EE_ENFORCE: (Role.COURT, Role.AUTHORITY),
    Competence.EE_ISSUE: (*_ISSUERS, Role.DEFENCE),
    Competence.EE_VALIDATE: (Role.COURT, Role.LAW_ENFORCEMENT),
    Competence.NIS2_NOTIFY: _ENTITIES,
    Competence.NIS2_RECEIVE: (Role.CSIRT, Role.AUTHORITY),
    Competence.NODE_RECORD: (),
    Competence.OVERSEE: (Role.OVERSIGHT,),
    Competence.PARTY_ADMINISTER: tuple(role for role in Role if role is not Role.PUBLIC),
    Competence.RESPONSE_ANSWER: (*_ENTITIES, Role.CSIRT),
    Competence.RESPONSE_HANDLE: (Role.CSIRT, Role.COORDINATOR),
    Competence.SHIELD_PROPOSE: (*_ENTITIES, Role.CSIRT, Role.AUTHORITY),
    Competence.SHIELD_REVIEW: (Role.CSIRT, Role.AUTHORITY),
    Competence.TCO_COMPLY: (Role.PLATFORM,),
    Competence.TCO_ISSUE: (Role.AUTHORITY, Role.LAW_ENFORCEMENT, Role.COURT),
    Competence.TCO_JUDGE: (Role.COURT,),
    Competence.TCO_REQUEST: (Role.PLATFORM, Role.PUBLIC),
    Competence.TCO_SCRUTINISE: (Role.AUTHORITY, Role.LAW_ENFORCEMENT, Role.COURT),
}
