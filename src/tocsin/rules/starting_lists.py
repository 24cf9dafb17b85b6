"""Names that a new node knows of before anybody filled its lists: a start, and no more.

Put together by this project from what is commonly known (unverified, 2026-11): services where
anybody puts pages under one name, shorteners, and where public bodies of the Union and its member
states stand. None of these names is said to do anything wrong: they are here so that nobody
blocks them whole by mistake. A node adds its own (`tocsin shield names`, or by hand); the public
suffix list, private part included, knows many more hosts of this kind.
"""

SHORTENERS = frozenset(
    (
        *("bit.ly", "buff.ly", "cutt.ly", "is.gd", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly"),
        *("s.id", "shorturl.at", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "v.gd"),
    )
)
SHARED_HOSTING = frozenset(
    (
        *("1drv.ms", "canva.com", "docs.google.com", "drive.google.com", "dropbox.com"),
        *("forms.gle", "forms.office.com", "github.com", "gitlab.com", "jotform.com"),
        *("linktr.ee", "mediafire.com", "onedrive.live.com", "pastebin.com", "sharepoint.com"),
        *("sites.google.com", "storage.googleapis.com", "surveymonkey.com", "t.me", "telegra.ph"),
        *("typeform.com", "wetransfer.com"),
    )
)
GOVERNMENT = frozenset(
    (
        *("europa.eu", "belgium.be", "government.bg", "gov.cz", "bund.de", "borger.dk"),
        *("eesti.ee", "gov.ie", "gov.gr", "gob.es", "gouv.fr", "gov.hr", "gov.it", "gov.cy"),
        *("gov.lv", "lrv.lt", "gouvernement.lu", "gov.hu", "gov.mt", "overheid.nl"),
        *("oesterreich.gv.at", "gv.at", "gov.pl", "gov.pt", "gov.ro", "gov.si", "gov.sk"),
        *("suomi.fi", "gov.se", "regeringen.se"),
    )
)
STARTING: dict[str, frozenset[str]] = {
    "government": GOVERNMENT,
    "shared_hosting": SHARED_HOSTING,
    "shortener": SHORTENERS,
}
