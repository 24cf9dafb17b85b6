"""Django's mail over the node's own mail settings, with their rules about TLS.

Without a server: on this machine alone it is printed on the terminal, so that links in it can be
used; everywhere else it waits, and whoever sends letters tries again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage as Message
from email.policy import SMTP

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.console import EmailBackend as Terminal
from django.utils.crypto import get_random_string

from tocsin.channels import mail
from tocsin.node.channel_settings import mail_settings


class NodeMail(BaseEmailBackend):
    """Hands messages to TOCSIN_SMTP_HOST; raises `Undelivered` where it does not take them."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """One session per message: they are few."""
        words = mail_settings()
        if "host" not in words and settings.IS_LOCAL:
            return Terminal().send_messages(list(email_messages)) or 0
        server = mail.server_of(words)
        for message in email_messages:
            # Nobody is told where an answer that wrote itself cannot be delivered (RFC 3834 4).
            is_answer = "In-Reply-To" in message.extra_headers
            envelope = replace(server, sender="") if is_answer else server
            mail.hand_in(_composed(message, server), message.recipients(), envelope)
        return len(email_messages)


def _composed(message: EmailMessage, server: mail.Server) -> bytes:
    """In seven bits, whatever the server takes."""
    made = Message(policy=SMTP)
    made["From"] = mail.sender_line(server)
    made["To"] = ", ".join(message.to)
    made["Subject"] = message.subject
    made["Date"] = datetime.now(UTC)
    made["Message-ID"] = mail.message_id(get_random_string(32), server.domain)
    for name, value in ({"Auto-Submitted": "auto-generated"} | message.extra_headers).items():
        made[name] = value  # RFC 3834
    made["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    made.set_content(str(message.body), cte="quoted-printable")
    return made.as_bytes()
