"""Where a forwarded message begins, in the styles and languages of the mail programs."""

import pytest

from tests.formats.mails import EVIL, mail, page, parts, urls
from tests.formats.reading import read
from tocsin.formats.mail import lure, phishing
from tocsin.formats.mail.quoting import find_quote

FORMAT = phishing.FORMAT


QUOTES = {
    "gmail en": "---------- Forwarded message ---------\nFrom: B <b@evil.example>\n"
    "Date: Mon, Nov 23, 2026 at 9:00 AM\nSubject: Win\nTo: <ida@post.example>\n",
    "gmail es": "---------- Forwarded message ---------\nDe: B <b@evil.example>\n"
    "Date: lun, 23 nov 2026 a las 9:00\nSubject: Win\nTo: <ida@post.example>\n",
    "thunderbird en": "-------- Forwarded Message --------\nSubject: \tWin\n"
    "Date: \tMon, 23 Nov 2026 09:00:00 +0100\nFrom: \tB <b@evil.example>\nTo: \tida@post.example\n",
    "thunderbird de": "-------- Weitergeleitete Nachricht --------\nBetreff: \tWin\n"
    "Datum: \tMon, 23 Nov 2026 09:00:00 +0100\nVon: \tB <b@evil.example>\nAn: \tida@post.example\n",
    "thunderbird fr": "-------- Message transféré --------\nSujet : \tWin\n"
    "De : \tB <b@evil.example>\nPour : \tida@post.example\n",
    "thunderbird pl": "-------- Przekazana wiadomość --------\nTemat: \tWin\n"
    "Data: \tMon, 23 Nov 2026 09:00:00 +0100\nNadawca: \tB <b@evil.example>\n",
    "outlook en": "From: B <b@evil.example> \nSent: Monday, 23 November 2026 09:00\n"
    "To: ida@post.example\nSubject: Win\n",
    "outlook de": "Von: B <b@evil.example> \nGesendet: Montag, 23. November 2026 09:00\n"
    "An: ida@post.example\nBetreff: Win\n",
    "outlook fr": "De : B <b@evil.example> \nEnvoyé : lundi 23 novembre 2026 09:00\n"
    "À : ida@post.example\nObjet : Win\n",
    "outlook nl": "Van: B <b@evil.example> \nVerzonden: maandag 23 november 2026 09:00\n"
    "Aan: ida@post.example\nOnderwerp: Win\n",
    "outlook pl": "Od: B <b@evil.example> \nWysłano: poniedziałek, 23 listopada 2026 09:00\n"
    "Do: ida@post.example\nTemat: Win\n",
    "outlook pt": "De: B <b@evil.example> \nEnviado: 23 de novembro de 2026 09:00\n"
    "Para: ida@post.example\nAssunto: Win\n",
    "outlook es": "De: B <b@evil.example> \nEnviado el: lunes, 23 de noviembre de 2026 9:00\n"
    "Para: ida@post.example\nAsunto: Win\n",
    "outlook it": "Da: B <b@evil.example> \nInviato: lunedì 23 novembre 2026 09:00\n"
    "A: ida@post.example\nOggetto: Win\n",
    "outlook old": "-----Original Message-----\nFrom: B [mailto:b@evil.example]\n"
    "Sent: Monday, 23 November 2026 09:00\nTo: ida@post.example\nSubject: Win\n",
    "bold": "*From:* B <b@evil.example>\n*Sent:* Monday\n*To:* Ida\n*Subject:* Win\n",
}


@pytest.mark.parametrize("style", QUOTES)
def test_a_quote_is_found_in_the_style_of_each_mail_program(style: str) -> None:
    data = mail(f"Hello, http://mine.example/\n\nIda\n\n{QUOTES[style]}\nGo to {EVIL} now\n")
    out = read(FORMAT, data)

    assert [row["source.url"] for row in out.rows] == [EVIL]
    assert out.counts == {lure.OUTSIDE: 1}


@pytest.mark.parametrize("style", [style for style in QUOTES if "outlook" in style])
def test_a_quote_is_found_in_html_as_well(style: str) -> None:
    lines = "".join(f"<b>{line}</b><br>" for line in QUOTES[style].splitlines())
    html = f"<p>Hello <a href='http://mine.example/'>me</a></p>{lines}<a href='{EVIL}'>go</a>"

    assert urls(page(html.replace("<b@evil.example>", ""))) == [EVIL]


@pytest.mark.parametrize(
    "sentence",
    [
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
        "Début du message réexpédié :",
        "Begin doorgestuurd bericht:",
        "Inizio messaggio inoltrato:",
    ],
)
def test_what_stands_unquoted_below_a_quoted_forward_is_the_citizens_again(sentence: str) -> None:
    text = f"See.\n\n{sentence}\n\n> From: b@evil.example\n> Subject: Win\n>\n> {EVIL}\n\n"

    assert urls(mail(f"{text}Ida, http://mine.example/\n")) == [EVIL]


def test_a_forward_of_a_forward_leads_to_the_innermost_message() -> None:
    lines = (
        "Ida\n---------- Forwarded message ---------\nFrom: a@x.example\nSubject: FW: Win\n\n"
        "colleague, http://mine.example/\n\nFrom: b@evil.example\nSent: Monday\nTo: a\n"
        f"Subject: Win\n\n{EVIL}"
    ).splitlines()
    quote = find_quote(lines)

    assert quote is not None
    assert [lines[at] for at in sorted(quote.lines)] == ["", EVIL]


def test_an_invented_quote_inside_a_message_enclosed_hides_nothing() -> None:
    lured = mail(f"{EVIL}\n\nFrom: x\nSent: y\nTo: z\nSubject: Re: all\n\nhttp://bank.example/\n")
    data = parts(b"\nsee", b"Content-Type: message/rfc822\n\n" + lured, Subject="Fwd: it")

    assert urls(data) == [EVIL, "http://bank.example/"]
