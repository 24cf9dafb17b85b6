"""What the tests of the mail formats share: samples, letters in few words, hostile letters."""

from collections.abc import Callable
from pathlib import Path

from tests.formats.reading import read
from tocsin.formats.mail import phishing

EVIL = "http://evil.example/x"
SAMPLES = Path(__file__).parents[2] / "samples"


def sample(name: str) -> bytes:
    """The bytes of a sample, by folder and name."""
    return (SAMPLES / name).read_bytes()


def mail(body: str | bytes, **fields: str) -> bytes:
    """A message with these fields; an underscore in a name is a hyphen. `From` is always there."""
    fields = {"From": "Someone <someone@sender.example>", "To": "ida@post.example", **fields}
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return head.encode() + b"\n" + (body if isinstance(body, bytes) else body.encode())


def parts(*inner: bytes, kind: str = "mixed", **fields: str) -> bytes:
    """A multipart message; each part brings its own header and an empty line."""
    body = b"".join(b"--edge\n" + one + b"\n" for one in inner) + b"--edge--\n"
    return mail(body, Content_Type=f'multipart/{kind}; boundary="edge"', **fields)


def urls(data: bytes) -> list[object]:
    """The addresses that a phishing message leads to."""
    return [row["source.url"] for row in read(phishing.FORMAT, data).rows if "source.url" in row]


def page(html: str, **fields: str) -> bytes:
    """A message that is an HTML page."""
    return mail(html, Content_Type="text/html; charset=utf-8", **fields)


def _html(text: bytes) -> bytes:
    return mail(text, Content_Type="text/html")


def _nested(count: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return b"From: a@b.example\nTo: c@d.example\n" + b"".join(level % (n, n) for n in range(count))


# Letters that make a careless reader slow: name to letter of about so many bytes.
SLOW: dict[str, Callable[[int], bytes]] = {
    "parts in parts": lambda n: _nested(n // 50),
    "messages in messages": lambda n: mail("", Content_Type="message/rfc822") * (n // 90),
    "header fields": lambda n: b"X-A: b\n" * (n // 7) + mail("http://evil.example/"),
    "folded lines": lambda n: b"X-A: b\n" + b" \n" * (n // 2) + mail("x"),
    "Received lines": lambda n: (
        b"Received: from a.example ([10.0.0.1]) by b.example\n" * (n // 52) + mail("x")
    ),
    "parameters": lambda n: mail("x", Content_Type="multipart/mixed" + '; a="' * (n // 5)),
    "delimiters that are none": lambda n: mail(
        "--edg\n--edger\n" * (n // 14), Content_Type="multipart/mixed; boundary=edge"
    ),
    "empty parts": lambda n: parts(*[b"\nx"] * (n // 10)),
    "opening brackets": lambda n: _html(b"<" * n),
    "unfinished tags": lambda n: _html(b"<a " * (n // 3)),
    "unfinished values": lambda n: _html(b"<a href='" * (n // 9)),
    "two kinds of quotes": lambda n: _html(b"<a x='\"" * (n // 7)),
    "unfinished comments": lambda n: _html(b"<!--" * (n // 4)),
    "unfinished scripts": lambda n: _html(b"<script>" * (n // 8)),
    "blanks in a tag": lambda n: _html(b"<a" + b" " * n + b">"),
    "slashes in a tag": lambda n: _html(b"<a" + b"/" * n + b'"""'),
    "attributes": lambda n: _html(b"<a" + b" x=1" * (n // 4) + b">"),
    "a number without end": lambda n: _html(b"&#" + b"9" * n),
    "quotes in quotes": lambda n: _html(b"<blockquote>x" * (n // 13)),
    "links": lambda n: _html(b"".join(b"<a href=http://x%d.example>" % k for k in range(n // 30))),
    "closing brackets": lambda n: mail(b"http://evil.example/" + b")" * n),
    "defanged dots": lambda n: mail(b"a[.]" * (n // 4)),
    "one word": lambda n: mail(b"[.] " + b"a" * n),
    "From lines": lambda n: mail(b"From: x\n" * (n // 8)),
    "forwards of forwards": lambda n: mail(
        b"--- Forwarded message ---\nFrom: a\nSubject: Fwd: x\nTo: b\n\nx\n" * (n // 60)
    ),
    "attributions": lambda n: mail(b"On a a a a a a a\n" * (n // 17), Subject="Fwd: x"),
    "recipients": lambda n: mail("x", Cc="a@b.example," * (n // 12)),
    "encoded words": lambda n: mail("x", Subject="=?utf-8?q?a?= " * (n // 14)),
    "a charset that is quadratic": lambda n: mail(
        b"a" * n, Content_Type="text/plain; charset=punycode"
    ),
    "base64 of nothing": lambda n: mail(b"=?!" * (n // 3), Content_Transfer_Encoding="base64"),
}
