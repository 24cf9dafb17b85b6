"""Signing in by a party's SAML server: stricter than the libraries are of themselves.

SAML 2.0 profiles, section 4.1.4: an assertion is for us (Audience), for this page (Recipient), for
a few minutes (NotOnOrAfter) and the answer to a request of this very browser (InResponseTo). The
libraries check what an assertion says and take one that does not say it; here it must. A request
is answered once, so that nothing can be replayed.
"""

from typing import Any

from allauth.core import ratelimit
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.saml import views
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from allauth.socialaccount.providers.saml.utils import build_saml_config
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

LONGEST = 256 * 1024  # characters of an answer; one with some hundred groups has 100,000
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"


class NotForUs(Exception):
    """An assertion that is signed and was not made for this sign-in."""


class Saml(SAMLProvider):  # type: ignore[misc]
    """Takes who it is out of an assertion that answers us."""

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> Any:
        """Raises `NotForUs`."""
        _check(response)
        return super().sociallogin_from_response(request, response)


def _check(auth: Any) -> None:
    """`auth` has verified the signature of the one assertion there is."""
    document = OneLogin_Saml2_XML.to_etree(auth.get_last_response_xml())
    ours, asked = auth.get_settings().get_sp_data(), auth.get_last_response_in_response_to()

    def said(path: str) -> list[Any]:
        found: list[Any] = OneLogin_Saml2_XML.query(
            document, f"/samlp:Response/saml:Assertion/{path}"
        )
        return found

    audiences = [one.text for one in said("saml:Conditions/saml:AudienceRestriction/saml:Audience")]
    confirmations = [
        (one.get("InResponseTo"), one.get("Recipient"))
        for one in said(
            f"saml:Subject/saml:SubjectConfirmation[@Method='{_BEARER}']"
            "/saml:SubjectConfirmationData[@NotOnOrAfter]"
        )
    ]
    if not asked or (asked, ours["assertionConsumerService"]["url"]) not in confirmations:
        raise NotForUs("no confirmation answers the request of this browser")
    if ours["entityId"] not in audiences:
        raise NotForUs("it is for another audience")
    if not auth.get_nameid() or auth.get_nameid_format() == _TRANSIENT:
        raise NotForUs("it calls the person by a name that lasts for one sign-in")


class Begin(views.LoginView):  # type: ignore[misc]
    """Leads to the server, with a request of our own."""

    def dispatch(self, request: HttpRequest, *words: Any, **named: Any) -> HttpResponse:
        """The library reads the Host header itself, which HTTP/1.0 need not have."""
        request.META.setdefault("HTTP_HOST", request.get_host())
        answer: HttpResponse = super().dispatch(request, *words, **named)
        return answer


class Finish(views.FinishACSView):  # type: ignore[misc]
    """Where a browser ends after the answer was taken."""

    def get_provider(self, organization_slug: str) -> Saml:
        """Ours, which is stricter."""
        return Saml(self.request, app=self.get_app(organization_slug))

    def dispatch(self, request: HttpRequest, organization_slug: str) -> HttpResponse:
        """Signed in, or led to the page that says that it did not work."""
        try:
            answer: HttpResponse = super().dispatch(request, organization_slug)
        except (NotForUs, SyntaxError, ValueError):  # the last two: what is no XML, or more than it
            answer = render_authentication_error(request, self.get_provider(organization_slug))
        return answer


@method_decorator(csrf_exempt, name="dispatch")
class Answer(views.ACSView):  # type: ignore[misc]
    """Takes what a server sends through the browser; for known servers, and in measure."""

    def dispatch(self, request: HttpRequest, organization_slug: str) -> HttpResponse:
        """Kept for a moment, and led to where the session of the browser is seen."""
        self.get_app(organization_slug)
        if request.method != "POST":
            return HttpResponse(status=405, headers={"Allow": "POST"})
        if not ratelimit.consume(request, action="login"):
            too_many: HttpResponse = ratelimit.respond_429(request)
            return too_many
        if len(request.POST.get("SAMLResponse", "")) > LONGEST:
            return HttpResponse(status=413)
        request.META.setdefault("HTTP_HOST", request.get_host())
        answer: HttpResponse = super().dispatch(request, organization_slug)
        return answer


class Metadata(views.MetadataView):  # type: ignore[misc]
    """What a server is told about this node."""

    def dispatch(self, request: HttpRequest, organization_slug: str) -> HttpResponse:
        """Without an address for signing out, which this node does not take from others."""
        app = self.get_app(organization_slug)
        config = build_saml_config(request, app.settings, organization_slug)
        del config["sp"]["singleLogoutService"]
        described = OneLogin_Saml2_Settings(settings=config, sp_validation_only=True)
        return HttpResponse(
            described.get_sp_metadata(), content_type="application/samlmetadata+xml"
        )


def sign_out(_request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Not here: whoever knows an address could end the sessions of others."""
    raise Http404(organization_slug)
