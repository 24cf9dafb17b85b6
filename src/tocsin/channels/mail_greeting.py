"""Whether the mail server is there and takes us: greeted, secured, logged in, and left again."""

import smtplib
import ssl
from collections.abc import Mapping

from tocsin.channels.mail import server_of
from tocsin.words.errors import Undelivered

SECONDS = 5.0


def greet(settings: Mapping[str, str], *, seconds: float = SECONDS) -> str:
    """Say EHLO as a delivery would, and send nothing; raises `Undelivered`.

    `settings` are those of the mail channel. Returns what the server is and how it is spoken to.
    """
    server = server_of(settings)
    where = f"mail server {server.host}:{server.port}"
    try:
        trust = ssl.create_default_context(cafile=server.ca_file or None)
        smtp = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=trust)
            if server.starttls == "implicit"
            else smtplib.SMTP(server.host, server.port, timeout=seconds)
        )
        with smtp:
            smtp.ehlo_or_helo_if_needed()
            if server.starttls == "require":
                smtp.starttls(context=trust)
                smtp.ehlo()
            if server.user:
                smtp.login(server.user, server.password)
    except smtplib.SMTPNotSupportedError:
        raise Undelivered(f"{where} offers no STARTTLS", lasting=False) from None
    except smtplib.SMTPAuthenticationError as fault:
        raise Undelivered(
            f"{where} refuses user or password ({fault.smtp_code})", lasting=False
        ) from fault
    except smtplib.SMTPResponseException as fault:
        raise Undelivered(f"{where} answers {fault.smtp_code}", lasting=False) from fault
    except ssl.SSLError as fault:
        raise Undelivered(
            f"{where}: no secure connection ({fault.reason})", lasting=False
        ) from fault
    except (OSError, smtplib.SMTPException) as fault:
        why = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
        slow = isinstance(fault, TimeoutError) or isinstance(fault.__context__, TimeoutError)
        said = f"does not answer within {seconds:g} seconds" if slow else f"is not there ({why})"
        raise Undelivered(f"{where} {said}", lasting=False) from fault
    return f"{where} answers"
