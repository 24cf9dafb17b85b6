"""The forms of a page, read off its markup, and what somebody may send with each.

Nothing filled in, something wrong in every field, and what `bodies` knows that the route takes: so
every page is met that comes only as an answer to a form, be it refused, done, or a secret that is
shown once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.security.bodies import PAGES

WRONG = "wrong" * 12  # longer than a line of a telephone, and nothing at which it breaks
_KEPT = ("hidden", "submit", "button", "image", "reset")
_TOKEN = "csrfmiddlewaretoken"
Sent = tuple[tuple[str, str], ...]


@dataclass
class Field:
    """One control: what it is, what stands in it, what may be chosen."""

    name: str
    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Button:
    """One way to send a form: what it adds, and where to, if not where the form says."""

    name: str = ""
    value: str = ""
    action: str = ""


@dataclass
class Form:
    """One form that is posted: where to, and its controls."""

    action: str
    has_files: bool
    fields: list[Field] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Whether there is anything to fill in."""
        return any(one.kind not in _KEPT for one in self.fields)

    @property
    def shape(self) -> tuple[str, ...]:
        """The same for two forms that ask the same, whatever stands in them."""
        return tuple(sorted({f"{one.kind} {one.name}" for one in self.fields} - {_TOKEN}))

    def targets(self) -> dict[str, "Form"]:
        """Where it leads, by its buttons, and what may be sent there: a form of its own each."""
        found: dict[str, Form] = {}
        for button in self.buttons or [Button()]:
            action = button.action or self.action
            one = found.setdefault(action, Form(action, self.has_files, self.fields))
            one.buttons.append(Button(button.name, button.value))
        return found

    def unknowing(self) -> Iterator[Sent]:
        """With nothing filled in, and with something wrong in every field."""
        for button in self.buttons:
            end = ((button.name, button.value),) if button.name else ()
            yield (*self._filled(_nothing), *end)
            if self.asks:
                yield (*self._filled(_wrong), *end)

    def knowing(self, known: tuple[dict[str, object], ...]) -> Iterator[Sent]:
        """With what the route is known to take."""
        for words in known:
            kept = {name: text for name, text in self._filled(_nothing) if name not in words}
            yield (*kept.items(), *_pairs(words))

    def _filled(self, fill: Callable[[Field], list[tuple[str, str]]]) -> Sent:
        return tuple(pair for one in self.fields for pair in fill(one))


def _pairs(words: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in words.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, str(one)


def _nothing(one: Field) -> list[tuple[str, str]]:
    if one.kind == "hidden":
        return [(one.name, one.value)]
    if one.kind == "select":
        return [(one.name, "" if "" in one.options else one.value)]
    return [] if one.kind in ("checkbox", "radio", "file") else [(one.name, "")]


def _wrong(one: Field) -> list[tuple[str, str]]:
    if one.kind in ("hidden", "checkbox", "radio"):
        return [(one.name, one.value)]
    if one.kind == "select":
        return [(one.name, one.options[-1])] if one.options else []
    return [] if one.kind == "file" else [(one.name, WRONG)]


def known_for(route: str, objects: Mapping[str, str]) -> tuple[dict[str, object], ...]:
    """What `bodies` says that a route takes."""
    return tuple(make(objects) for make in PAGES.get(route, ()))


def encoded(form: Form, sent: Sent) -> tuple[str, bytes]:
    """Media type and body as a browser would send them."""
    if not form.has_files:
        return "application/x-www-form-urlencoded", urlencode(sent).encode()
    parts = [f'--end\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in sent]
    files = [
        f'--end\r\nContent-Disposition: form-data; name="{one.name}"; filename=""\r\n'
        "Content-Type: application/octet-stream\r\n\r\n\r\n"
        for one in form.fields
        if one.kind == "file"
    ]
    return "multipart/form-data; boundary=end", "".join([*parts, *files, "--end--\r\n"]).encode()


def forms_of(body: bytes, path: str) -> list[Form]:
    """The forms of a page at an address that are posted."""
    reader = _Reader(path)
    reader.feed(body.decode())
    return [form for form in reader.forms if form is not None]


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.forms = path, list[Form | None]()
        self._named: dict[str, Form | None] = {}
        self._in: Form | None = None
        self._select: Field | None = None

    def handle_starttag(self, tag: str, found: list[tuple[str, str | None]]) -> None:
        words = {name: value or "" for name, value in found}
        if tag == "form":
            self._begin(words)
        elif tag == "option" and self._select is not None:
            self._option(words)
        form = self._named.get(words["form"]) if "form" in words else self._in
        if form is None or tag not in ("input", "textarea", "select", "button"):
            return
        kind = words.get("type", "text" if tag == "input" else "submit").lower()
        if tag == "button" or kind in ("submit", "image"):
            if kind == "submit":
                names = (words.get(name, "") for name in ("name", "value", "formaction"))
                form.buttons.append(Button(*names))
        elif words.get("name"):
            kind = kind if tag == "input" else tag
            form.fields.append(Field(words["name"], kind, words.get("value", "")))
            self._select = form.fields[-1] if tag == "select" else None

    def _begin(self, words: Mapping[str, str]) -> None:
        is_posted = words.get("method", "get").lower() == "post"
        action = words.get("action") or self.path
        has_files = words.get("enctype") == "multipart/form-data"
        self._in = Form(action, has_files) if is_posted else None
        self.forms.append(self._in)
        if "id" in words:
            self._named[words["id"]] = self._in

    def _option(self, words: Mapping[str, str]) -> None:
        assert self._select is not None
        if not self._select.options or "selected" in words:
            self._select.value = words.get("value", "")
        self._select.options.append(words.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in = None
        elif tag == "select":
            self._select = None
