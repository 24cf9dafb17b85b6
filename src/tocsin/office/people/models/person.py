"""Who signs in."""

import unicodedata
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tocsin.office.prepared import A_KEY, Prepared


def canonical(address: str) -> str:
    """The one spelling of a sign-in name, so that nobody has two and no limit is walked round."""
    return unicodedata.normalize("NFKC", address).strip().casefold()


class People(BaseUserManager["Person"]):
    """Finds people by their sign-in name, however it was typed."""

    def get(self, *conditions: Any, **words: Any) -> "Person":
        """As ever; by key alone, as every page asks for whoever signed in, with ready SQL."""
        if conditions or words.keys() != {"pk"} or not isinstance(words["pk"], int):
            return super().get(*conditions, **words)
        found = _by_key(words["pk"])
        if not found:
            raise self.model.DoesNotExist("Person matching query does not exist.")
        return found[0]

    def get_by_natural_key(self, username: str | None) -> "Person":
        """The person of this name, however it is spelt."""
        return self.get(email=canonical(username or ""))

    def create_user(self, email: str, password: str | None = None, **words: Any) -> "Person":
        """A person with a usable password, or none."""
        person = self.model(email=canonical(email), **words)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser):
    """Somebody who signs in; what they may do comes from mandates.

    Purpose: to know who acts, and for whom. Basis: contract or public task of their organisation
    (GDPR art. 6(1)(b), (e)). Retention: while a mandate runs and one year after; the register
    names people by `uid` and keeps to its own time.

    `is_operator` is given on the command line alone: it runs the installation and sees no matter.
    Whoever changes `session_mark` ends every session of this person at once.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=35, default="en")
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    session_mark = models.UUIDField(default=uuid4, editable=False)

    objects: ClassVar[People] = People()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("email",)
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def actor(self) -> str:
        """What the register calls this person."""
        return f"person:{self.uid.hex}"

    def clean(self) -> None:
        """One spelling of the name."""
        self.email = canonical(self.email)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session must still agree with: the password as it is, and the mark."""
        salt = "tocsin.office.people.Person.session"
        sealed = f"{self.password} {self.session_mark}"
        return salted_hmac(salt, sealed, secret=secret, algorithm="sha256").hexdigest()


_by_key = Prepared(lambda key: Person.objects.filter(pk=key), A_KEY)
