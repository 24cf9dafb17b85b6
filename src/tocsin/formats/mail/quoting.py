"""Where a forwarded message begins inside the one that forwards it.

Two signs: the line that a mail program writes before what it forwards, and the block of
header lines (From, Sent, To, Subject) that follows or stands alone. Both are tables of words;
a language is one more row. What stands above the quote is the forwarder's and is not read.
"""

import re
from dataclasses import dataclass, field

LINES = 20_000  # of one body
DEEP = 5  # forwarded from one to the next

# Role of a header line to the words for it, lower case: en, de, fr, nl, pl, pt, es, it, then
# cs, da, sv, fi, hu, ro. Typed from the programs' translations; the last six are (unverified).
ROLES = {
    "from": "from|von|de|van|od|da|fra|från|lähettäjä|feladó|de la",
    "date": (
        "sent|date|gesendet|datum|envoyé|verzonden|wysłano|wysłane|data|enviado|enviado el|"
        "enviada|enviada em|fecha|inviato|odesláno|sendt|dato|skickat|lähetetty|elküldve|trimis"
    ),
    "to": "to|an|à|aan|do|para|a|komu|til|till|vastaanottaja|címzett|către",
    "cc": "cc|kopie|dw|c.c.|copia|kopi|kopia|kopio",
    "subject": (
        "subject|betreff|objet|onderwerp|temat|assunto|asunto|oggetto|předmět|emne|ämne|aihe|"
        "tárgy|subiect"
    ),
    "reply-to": "reply-to|antwort an|répondre à|antwoord aan|odpowiedz do|responder a|rispondi a",
}
_ROLE_OF = {word: role for role, words in ROLES.items() for word in words.split("|")}
_HEADER = re.compile(r"([^\W\d_][\w .-]{0,25}?)\s?:(?:\s+|$)(.{0,2000})")

# What is written before a forwarded message: dashes around words, or a sentence.
_DASHED = re.compile(
    r"[-_=]{2,}\s*(?:forwarded message|original message|weitergeleitete nachricht|"
    r"ursprüngliche nachricht|original-nachricht|originalnachricht|message transféré|"
    r"message transf[ée]r[ée]|message d'origine|message original|doorgestuurd bericht|"
    r"oorspronkelijk bericht|forwarded by|przekazana wiadomość|wiadomość przekazana dalej|"
    r"wiadomość oryginalna|treść przekazanej wiadomości|mensagem encaminhada|mensagem original|"
    r"mensaje reenviado|mensaje original|messaggio inoltrato|messaggio originale|"
    r"původní zpráva|přeposlaná zpráva|videresendt meddelelse|vidarebefordrat meddelande|"
    r"välitetty viesti|továbbított üzenet|mesaj redirecționat)[^-_=]{0,80}[-_=]{2,}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"(?:begin forwarded message|anfang der weitergeleiteten nachricht|"
    r"début du message (?:réexpédié|transféré)|begin doorgestuurd bericht|"
    r"początek przekazywanej wiadomości|início da mensagem (?:reencaminhada|encaminhada)|"
    r"inicio del mensaje reenviado|inizio messaggio inoltrato)\s?:",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"(?:on|am|le|op|dnia|w dniu|em|el|il)\b.{5,200}\b(?:wrote|schrieb.{0,80}|a écrit|"
    r"schreef.{0,80}|napisał(?:\(?a\)?)?.{0,80}|escreveu|escribió|ha scritto)\s?:",
    re.IGNORECASE,
)
# Before the subject of what is forwarded (and what a forwarder forwarded).
FORWARDS = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:re|aw|antw|sv|odp|r|res)?\s?:?\s?"
    r"(?:fwd?|wg|tr|rv|enc|pd|i|doorst|vs|vb|vl|továbbítás)\s?:",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quote:
    """The forwarded message: its header lines by role, and the indexes of its lines."""

    headers: dict[str, str] = field(default_factory=dict)
    lines: frozenset[int] = frozenset()


def is_forward(subject: str) -> bool:
    """Whether a subject says that somebody forwards (Fwd:, WG:, TR:, …)."""
    return FORWARDS.match(subject[:200]) is not None


def find_quote(lines: list[str], *, even_replies: bool = False) -> Quote | None:
    """The message forwarded in these lines, the innermost of a chain of forwards; or None.

    `even_replies` takes "On … X wrote:" over quoted lines for a forward, too.
    """
    lines = lines[:LINES]
    quote = _next_quote(lines, 0, even_replies=even_replies)
    for _ in range(DEEP):
        if quote is None or not is_forward(quote.headers.get("subject", "")):
            break
        inner = _next_quote(lines, min(quote.lines, default=len(lines)), even_replies=False)
        if inner is None:
            break
        quote = inner
    return quote


def _next_quote(lines: list[str], start: int, *, even_replies: bool) -> Quote | None:
    for at in range(start, len(lines)):
        text = _bare(lines[at])
        if not text:
            continue
        if _DASHED.match(text) or _SENTENCE.match(text):
            return _quote(lines, at + 1)
        if _role(text) == "from" and len(_block(lines, at)[0]) >= 3:
            return _quote(lines, at)
        if even_replies and _is_attribution(lines, at):
            return _quote(lines, at + 1)
    return None


def _is_attribution(lines: list[str], at: int) -> bool:
    """`On …, X wrote:`, also over two lines, with a quoted line after it."""
    text = _bare(lines[at])
    joined = text if text.endswith(":") else f"{text} {_bare(''.join(lines[at + 1 : at + 2]))}"
    if _WROTE.match(joined[:400]) is None:
        return False
    return any(line.lstrip().startswith(">") for line in lines[at + 1 : at + 4])


def _bare(line: str) -> str:
    """A line without the marks of quoting and of bold type."""
    return line[:600].lstrip("> \t|").replace("*", "").strip()


def _role(text: str) -> str:
    found = _HEADER.match(text)
    return _ROLE_OF.get(found[1].strip().lower(), "") if found else ""


def _quote(lines: list[str], at: int) -> Quote:
    """The quote that begins at a line: its header block, then its lines as far as it goes."""
    while at < len(lines) and not _bare(lines[at]):
        at += 1
    headers, end = _block(lines, at)
    first = lines[at] if at < len(lines) else ""
    body = range(end, len(lines))
    if first.lstrip().startswith(">"):
        # Everything is quoted line by line: what is not is the forwarder's again.
        return Quote(headers, frozenset(n for n in body if lines[n].lstrip().startswith(">")))
    return Quote(headers, frozenset(body))


def _block(lines: list[str], at: int) -> tuple[dict[str, str], int]:
    """Header lines from `at` on, by role, and where they end; a wrapped line is part of one."""
    headers: dict[str, str] = {}
    end, misses = at, 0
    for number in range(at, min(at + 16, len(lines))):
        text = _bare(lines[number])
        role = _role(text)
        if role and role not in headers:
            found = _HEADER.match(text)
            headers[role] = found[2].strip() if found else ""
            end, misses = number + 1, 0
        elif (text and headers and misses) or (not text and len(headers) >= 3):
            break
        else:
            misses += bool(text)
    return headers, end
