"""What a reader sees of a text or an HTML body: lines, and the links that stand on them.

The reader of HTML is a scanner of our own, linear in the size whatever the bytes: it moves on
with every step, and remembers when a closing sign is not to come any more.
"""

import base64
import binascii
import html
import re
from dataclasses import dataclass, field

from tocsin.formats.mail.limits import LIMITS

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_BLANK = re.compile(r"[\s/]*+")
_ATTRIBUTE = re.compile(r"([^\s=>\"'/]{1,60}+)[^\s=>\"'/]*+\s*+(=\s*+)?")
# The rest of a tag whose attributes do not matter; a value whose quote does not end fails.
_REST = re.compile(r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])))*+>""")
_BARE = re.compile(r"[^\s>]*+")
_REFRESH = re.compile(r"url\s{0,9}=\s{0,9}['\"]?\s{0,9}(.*)", re.IGNORECASE | re.DOTALL)
_PICTURE = re.compile(r"data:image/[a-z+.-]{1,20};base64,", re.IGNORECASE)
_BREAKS = frozenset(
    "p div br tr table li ul ol h1 h2 h3 h4 h5 h6 hr title blockquote section article header "
    "footer pre center form".split()
)
_SILENT = frozenset(("script", "style"))
_READ = frozenset(("base", "meta", "img"))  # whose attributes are read besides those that lead
# Where a reader can be led to. Pictures and style sheets are left out: they are mostly those
# of the organisation that is imitated.
_LEADING = {
    "a": ("href",),
    "area": ("href",),
    "form": ("action",),
    "button": ("formaction",),
    "input": ("formaction",),
    "iframe": ("src",),
    "frame": ("src",),
    "embed": ("src",),
    "object": ("data",),
}


@dataclass
class Link:
    """An address that a part of the page leads to, the line it begins on, what it shows."""

    line: int
    url: str
    shown: str = ""


@dataclass
class Page:
    """Lines as they are seen (a quoted one begins with `>`), links and pictures by line.

    `loose` holds the lines without the texts of links: what a link shows is no place it leads to.
    """

    lines: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    pictures: list[tuple[int, bytes]] = field(default_factory=list)


def page_of_text(text: str) -> Page:
    """A plain body; its addresses are found in its lines."""
    lines = text.splitlines()
    return Page(lines=lines, loose=lines)


def page_of_html(text: str) -> Page:
    """An HTML body; raises nothing, whatever is broken in it."""
    scanner = _Scanner(text)
    scanner.run()
    return scanner.page


class _Scanner:
    def __init__(self, text: str) -> None:
        self.page = Page()
        self._text = text
        self._at = 0
        self._line: list[str] = []
        self._loose: list[str] = []
        self._quoted = 0
        self._base = ""
        self._open: Link | None = None
        self._shown: list[str] = []
        self._quick = True
        self._missing: set[str] = set()  # closing signs that do not come any more

    def run(self) -> None:
        """Read all of it."""
        text = self._text
        while True:
            found = text.find("<", self._at)
            self._say(text[self._at : found if found >= 0 else len(text)])
            if found < 0:
                break
            self._at = found
            self._markup()
        self._break()
        self._close_link()
        if any(link.line == len(self.page.lines) for link in self.page.links[-1:]):
            self.page.lines.append("> " * min(self._quoted, 9))  # a picture that is a link
            self.page.loose.append("")

    def _markup(self) -> None:
        text, at = self._text, self._at
        if text.startswith("<!--", at):
            self._skip_past("-->", at + 4)
            return
        tag = _TAG.match(text, at)
        if tag is None:
            if text.startswith(("<!", "<?"), at):
                self._skip_past(">", at + 2)
            else:
                self._say("<")
                self._at = at + 1
            return
        self._at = tag.end()
        name = tag[2].lower()
        attributes = self._attributes() if self._matters(tag) else {}
        if tag[1]:
            self._end(name)
        else:
            self._begin(name, attributes)

    def _matters(self, tag: re.Match[str]) -> bool:
        """False for a tag without anything to read, which is passed over at once.

        After the first tag that cannot be, none is tried: that keeps the cost linear.
        """
        name = tag[2].lower()
        if not self._quick or (not tag[1] and (name in _LEADING or name in _READ)):
            return True
        rest = _REST.match(self._text, self._at)
        if rest is None:
            self._quick = False
            return True
        self._at = rest.end()
        return False

    def _find(self, sign: str, at: int) -> int:
        """Where a sign comes next, or -1; asked for in vain only once."""
        if sign in self._missing:
            return -1
        found = self._text.find(sign, at)
        if found < 0:
            self._missing.add(sign)
        return found

    def _skip_past(self, sign: str, at: int) -> None:
        found = self._find(sign, at)
        self._at = found + len(sign) if found >= 0 else at

    def _attributes(self) -> dict[str, str]:
        """The attributes up to the end of the tag; of equal ones the first counts."""
        text = self._text
        found: dict[str, str] = {}
        while self._at < len(text):
            blank = _BLANK.match(text, self._at)
            self._at = blank.end() if blank else self._at
            match = _ATTRIBUTE.match(text, self._at)
            if match is None:
                self._at += 1
                if text[self._at - 1 : self._at] == ">":
                    break
                continue
            self._at = match.end()
            value = self._value() if match[2] else ""
            if len(found) < 100:
                found.setdefault(match[1].lower(), value)
        return found

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote in ("'", '"') and (end := self._find(quote, self._at + 1)) >= 0:
            value, self._at = self._text[self._at + 1 : end], end + 1
        else:
            match = _BARE.match(self._text, self._at)
            value = match[0] if match else ""
            self._at += len(value)
        return value

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name in _SILENT:
            self._skip_past(f"</{name}", self._at)
            return
        if name in _BREAKS:
            self._break()
        if name == "blockquote":
            self._quoted += 1
        elif name == "base":
            self._base = self._base or _unescaped(attributes.get("href", ""))
        elif name == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            self._lead(_refreshed(_unescaped(attributes.get("content", ""))), name)
        elif name == "img":
            self._take_picture(attributes.get("src", ""))
        for attribute in _LEADING.get(name, ()):
            if attribute in attributes:
                self._lead(_unescaped(attributes[attribute]), name)

    def _end(self, name: str) -> None:
        if name == "a":
            self._close_link()
        if name in _BREAKS:
            self._break()
        if name == "blockquote":
            self._quoted = max(0, self._quoted - 1)

    def _lead(self, url: str, name: str) -> None:
        url = _joined(self._base, re.sub(r"[\t\r\n]", "", url).strip())
        if not url or len(self.page.links) > 4 * LIMITS.addresses:
            return
        link = Link(len(self.page.lines), url)
        self.page.links.append(link)
        if name == "a":
            self._close_link()
            self._open = link

    def _close_link(self) -> None:
        if self._open is not None:
            self._open.shown = "".join(self._shown).strip()[:500]
        self._open, self._shown = None, []

    def _take_picture(self, source: str) -> None:
        found = _PICTURE.match(source)
        if found is None or len(self.page.pictures) >= LIMITS.images:
            return
        try:
            data = base64.b64decode(_unescaped(source[found.end() :]))
        except (binascii.Error, ValueError):
            return
        self.page.pictures.append((len(self.page.lines), data))

    def _say(self, text: str) -> None:
        if not text:
            return
        text = _unescaped(text)
        self._line.append(text)
        if self._open is None:
            self._loose.append(text)
            return
        self._loose.append(" ")
        if len(self._shown) < 200:
            self._shown.append(text)

    def _break(self) -> None:
        """The end of a line as it is seen."""
        words = " ".join("".join(self._line).split())
        if words:
            self.page.lines.append("> " * min(self._quoted, 9) + words)
            self.page.loose.append(" ".join("".join(self._loose).split()))
        self._line, self._loose = [], []


def _unescaped(text: str) -> str:
    """Character references as characters; one with thousands of digits stays as it is."""
    try:
        return html.unescape(text) if "&" in text else text
    except ValueError:
        return text


def _refreshed(content: str) -> str:
    found = _REFRESH.search(content[: LIMITS.url])
    return found[1].strip(" '\"") if found else ""


def _joined(base: str, url: str) -> str:
    """A relative address under the `base` of the page, if there is one; others stay."""
    relative = not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}:|//|#", url)
    if relative and url and base.lower().startswith(("http://", "https://")):
        return base.rsplit("/", 1)[0] + "/" + url.lstrip("/") if base.count("/") > 2 else base + url
    return url
