"""The warning page as a folder of plain files, for a provider who shows it himself.

The same texts as on the node, no script, nothing that is fetched from elsewhere, no date: two
exports of one release are the same bytes. Links lead to the node, whoever shows the page.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from django.contrib.staticfiles import finders
from django.urls import reverse

from tocsin.desks.shield.queries.warning import Links, warning_page
from tocsin.words.errors import Unusable
from tocsin.words.languages import OFFICIAL, SOURCE

STYLE = "warning.css"
_ADDRESS = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")
README = """\
The warning page of the phishing shield, in the {count} official languages of the Union.

Put the folder on a web server and lead listed names there (the walled garden of the zone).
nginx.conf is such a server for nginx: it shows each reader the language that the browser asks
for first, and writes down nobody's address. Any other server works too: index.html is English
and leads to all other languages.

The pages have no script, set no cookie and fetch nothing from elsewhere. To report, check and
appeal they lead to {node}. Where nginx.conf is used, the name that was asked for goes along.

Do not answer over HTTPS: there is no honest certificate for a name that is not yours.

sha256sum --check SHA256SUMS     says whether the folder is as it was made.
"""
NGINX = """\
# Goes into the block http {{ … }}: Debian's /etc/nginx/conf.d/ or sites-enabled/.
map $http_accept_language $warning_language {{
    default {source};
{languages}
}}
# What is not written like a name goes nowhere.
map $host $warned_of {{
    default "";
    "~^[a-z0-9._-]+$" $host;
}}
server {{
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name _;
    root {folder};
    access_log off;
    error_log /dev/null crit;  # errors name the address of who asked
    charset utf-8;
    add_header Cache-Control "no-store";
    add_header Content-Security-Policy "default-src 'none'; style-src 'self'; img-src data:";
    add_header Referrer-Policy "no-referrer";
    add_header Vary "Accept-Language";
    add_header X-Content-Type-Options "nosniff";
    sub_filter '&amp;name="' '&amp;name=$warned_of"';
    sub_filter_once off;
    location = / {{ try_files /$warning_language.html =404; }}
    location ~ "^/[a-z][a-z]\\.html$" {{ }}
    location = /{style} {{ }}
    location / {{ return 302 /; }}
}}
"""


@dataclass(frozen=True)
class Bundle:
    """What was written: where, how many files, and the digest of SHA256SUMS."""

    folder: Path
    files: int
    digest: str


def export_page(folder: Path, *, node: str) -> Bundle:
    """Write the bundle into a new folder; raises `Unusable`.

    `node`: where reports, checks and appeals go, `https://shield.example`.
    """
    base = node.strip().rstrip("/").lower()
    if not _ADDRESS.fullmatch(base):
        raise Unusable(f"{node[:100]!r} is no address. Possible: --node https://shield.example")
    files = _files(base)
    sums = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    ).encode()
    _make(folder)
    for name, data in {**files, "SHA256SUMS": sums}.items():
        (folder / name).write_bytes(data)
    return Bundle(folder, len(files) + 1, hashlib.sha256(sums).hexdigest())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise Unusable(f"{folder} is there already. Possible: a new folder") from None


def _links(base: str, code: str) -> Links:
    """To the node, in the language of the page that they stand on."""
    return Links(
        report=f"{base}{reverse('shield:report')}?lang={code}",
        check=f"{base}{reverse('shield:check')}?lang={code}&name=",
        appeal=f"{base}{reverse('shield:appeal')}?lang={code}&name=",
        owner=f"{base}{reverse('shield:owner')}?lang={code}&name=",
    )


def _files(base: str) -> dict[str, bytes]:
    style = finders.find(f"tocsin/{STYLE}")
    if not isinstance(style, str):
        raise Unusable(f"{STYLE} is not installed. Possible: install Tocsin again")
    pages = {
        code: warning_page(
            code, links=_links(base, code), style=STYLE, switch="{code}.html"
        ).encode()
        for code in OFFICIAL
    }
    matched = "\n".join(f'    "~*^{code}([-,;]|$)" {code};' for code in OFFICIAL if code != SOURCE)
    nginx = NGINX.format(
        source=SOURCE, languages=matched, folder="/srv/tocsin-warning", style=STYLE
    )
    return {
        "index.html": pages[SOURCE],
        **{f"{code}.html": data for code, data in pages.items()},
        STYLE: Path(style).read_bytes(),
        "nginx.conf": nginx.encode(),
        "README.txt": README.format(count=len(OFFICIAL), node=base).encode(),
    }
