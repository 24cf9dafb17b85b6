"""Takes the pictures of the tutorial: `python -m tests.journeys.screenshots FOLDER`.

They are taken of a node of its own with the bundled sample, so that they show what a reader sees.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.journeys.browser import Page, browser
from tests.journeys.serving import PASSWORD, SAMPLES, Node, serving
from tests.journeys.test_pages import REPORT, press, text

HIGHEST = 1000


def main(folder: Path) -> None:
    """Every picture, in the order of the tutorial."""
    folder.mkdir(parents=True, exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    clean["TOCSIN_NODE_NAME"] = "Sample CSIRT"
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-pictures-") as scratch,
        serving(Path(scratch), clean) as node,
        browser() as page,
    ):
        page.look(width=1000, height=640)
        _sign_in(page, node, folder)
        _work(page, node, folder)


def _take(page: Page, path: Path) -> None:
    """Few colours do, and a picture in a repository is there for ever."""
    page.picture(path, most=HIGHEST)
    with Image.open(path) as image:
        image.convert("RGB").quantize(48, dither=Image.Dither.NONE).save(path, optimize=True)


def _sign_in(page: Page, node: Node, folder: Path) -> None:
    page.open(f"{node.url}/account/login/")
    _take(page, folder / "sign-in.png")
    page.run("document.querySelector('[name=login]').value = 'mira@csirt-be.example'")
    page.run(f"document.querySelector('[name=password]').value = {PASSWORD!r}")
    press(page, "main form button[type=submit]")
    _take(page, folder / "second-factor.png")
    page.do("Network.clearBrowserCookies")


def _work(page: Page, node: Node, folder: Path) -> None:
    page.sign_in(node.url, node.keys["csirt-be"])
    page.open(f"{node.url}/response/look-up?target=192.0.2.7&tlp=TLP:AMBER")
    _take(page, folder / "look-up.png")
    page.open(f"{node.url}/response/reports/add")
    root = page.do("DOM.getDocument")["root"]["nodeId"]
    field = page.do("DOM.querySelector", nodeId=root, selector="input[type=file]")["nodeId"]
    page.do("DOM.setFileInputFiles", nodeId=field, files=[str(REPORT)])
    _take(page, folder / "bring-in.png")
    press(page, "button[value=route]")
    for _ in range(2):  # the second pass tells the cases what the first handed over
        node.work()
        time.sleep(3)
    while "Who was told what" not in text(page):
        time.sleep(0.2)
    _take(page, folder / "who-was-told.png")
    page.open(f"{node.url}/response/")
    _take(page, folder / "desk.png")
    page.sign_in(node.url, node.keys["meadow-net"])
    page.open(f"{node.url}/response/cases/")
    press(page, "main table a")
    _take(page, folder / "case.png")


if __name__ == "__main__":
    assert SAMPLES.is_dir()
    main(Path(sys.argv[1]))
