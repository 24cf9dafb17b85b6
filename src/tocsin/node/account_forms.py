"""The forms of signing in, where ours differ."""

from typing import Any

from allauth.account.forms import LoginForm, ResetPasswordForm, default_token_generator
from allauth.account.internal.flows.password_reset import request_password_reset
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tocsin.office.people.models import Person, canonical

NOBODY = 0  # a key that no row has


class SignIn(LoginForm):  # type: ignore[misc]
    """Address and password; the address in its one spelling."""

    def __init__(self, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        self.fields["login"].label = _("Mail address")
        self.fields["password"].help_text = ""  # the page has the link already
        self.fields["login"].widget.attrs["autocomplete"] = "username webauthn"

    def clean_login(self) -> str:
        """One spelling."""
        return canonical(self.cleaned_data["login"])


class ForgotPassword(ResetPasswordForm):  # type: ignore[misc]
    """An address; whether somebody has it here, neither page nor clock says."""

    def __init__(self, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        self.fields["email"].label = _("Mail address")

    def save(self, request: HttpRequest, **_words: Any) -> str:
        """The same work for nobody: a letter to no address, thrown away by whoever sends."""
        email: str = self.cleaned_data["email"]
        people = self.users or [Person(pk=NOBODY, email=email)]
        request_password_reset(request, email, people, default_token_generator)
        return email
