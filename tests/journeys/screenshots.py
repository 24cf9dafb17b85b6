"""Takes the pictures of the documentation: `python -m tests.journeys.screenshots FOLDER`.

They are taken of a node of its own with the bundled sample, on the way of the stories that tests go
through: what they show is what a reader sees.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.journeys import stories
from tests.journeys.browser import Page, browser
from tests.journeys.serving import PASSWORD, SAMPLES, Node, serving
from tests.journeys.stories import Take, come, fill, press

HIGHEST = 1000


def main(folder: Path) -> None:
    """Every picture, in the order of the pages that show them."""
    folder.mkdir(parents=True, exist_ok=True)
    with _fresh() as (node, page):
        _sign_in(page, node, _into(page, folder))
        _work(page, node, _into(page, folder))
        stories.answer(page, node, _into(page, folder))
    with _fresh() as (node, page):
        stories.upload(page, node, _none, who=stories.REPORTER)
        stories.answer(page, node, _none)
        stories.see_the_cure(page, node, _into(page, folder))
        _come_in(page, node, _into(page, folder))


@contextmanager
def _fresh() -> Iterator[tuple[Node, Page]]:
    """A node that nobody has done anything on, and a browser."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    clean["TOCSIN_NODE_NAME"] = "Sample CSIRT"
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-pictures-") as scratch,
        serving(Path(scratch), clean) as node,
        browser() as page,
    ):
        page.look(width=1000, height=640)
        yield node, page


def _none(_name: str) -> None:
    """No picture."""


def _into(page: Page, folder: Path) -> Take:
    """Takes pictures into a folder."""
    return lambda name: _take(page, folder / f"{name}.png")


def _take(page: Page, path: Path) -> None:
    """Few colours do, and a picture in a repository is there for ever."""
    page.picture(path, most=HIGHEST)
    with Image.open(path) as image:
        image.convert("RGB").quantize(48, dither=Image.Dither.NONE).save(path, optimize=True)


def _sign_in(page: Page, node: Node, take: Take) -> None:
    page.open(f"{node.url}/account/login/")
    take("sign-in")
    fill(page, login="mira@csirt-be.example", password=PASSWORD)
    press(page, "main form button[type=submit]")
    take("second-factor")
    page.do("Network.clearBrowserCookies")


def _work(page: Page, node: Node, take: Take) -> None:
    come(page, node, stories.DESK, "/response/look-up?target=192.0.2.7&tlp=TLP:AMBER")
    take("look-up")
    stories.upload(page, node, take, who=stories.DESK)
    page.open(f"{node.url}/response/")
    take("desk")


def _come_in(page: Page, node: Node, take: Take) -> None:
    """A colleague with a passkey, and one whose browser runs no scripts."""
    stories.device(page)
    site, email = node.url.replace("127.0.0.1", "localhost"), "noa@meadow-net.example"
    path = stories.invite(page, node, take, name="Noa Field", email=email)
    stories.accept(page, site, path, _only(take, "invitation"), email=email)
    stories.add_passkey(page, site, take)
    email = "rui@meadow-net.example"
    path = stories.invite(page, node, _none, name="Rui Pond", email=email)
    page.do("Emulation.setScriptExecutionDisabled", value=True)
    stories.accept(page, site, path, _none, email=email)
    stories.add_app(page, site, take)


def _only(take: Take, *names: str) -> Take:
    return lambda name: take(name) if name in names else None


if __name__ == "__main__":
    assert SAMPLES.is_dir()
    main(Path(sys.argv[1]))
