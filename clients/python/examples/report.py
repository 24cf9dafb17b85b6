# ruff: noqa: INP001, T201  (a program for people, which prints)
"""Report files to a node and print who was told: `report.py FILE …`."""

import os
import sys
from pathlib import Path

from tocsin_client import Client

token = Path(os.environ["TOCSIN_TOKEN_FILE"]).read_text().strip()
node = Client(os.environ["TOCSIN_URL"], token=token)

for name in sys.argv[1:]:
    report = node.wait_for(node.add_report(Path(name)).id)
    print(f"{report.name}: {report.state} {report.error}".strip())
    for told in report.told:
        print(f"  as {told.relation}: {told.parties} parties, {told.rows} rows")
