"""What the calls of every desk share: who calls, with which scope, page by page.

A desk's `api.py` declares its calls on a router; `node/api` mounts them and says what goes wrong.
"""

from tocsin.office.api.paging import Page, Paging, page_of
from tocsin.office.api.scope import Called, Scope

__all__ = ["Called", "Page", "Paging", "Scope", "page_of"]
