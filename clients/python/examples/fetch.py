# ruff: noqa: INP001, T201  (a program for people, which prints)
"""Fetch deliveries that are not in a folder yet, and say that they came: `fetch.py FOLDER`."""

import os
import sys
from pathlib import Path

from tocsin_client import Client

token = Path(os.environ["TOCSIN_TOKEN_FILE"]).read_text().strip()
node = Client(os.environ["TOCSIN_URL"], token=token)
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

for delivery in node.deliveries():
    path = folder / delivery.file
    if path.exists():
        continue
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w+b") as file:
        node.fetch(delivery, file)
    partial.rename(path)
    node.acknowledge(delivery.id)
    print(f"{path.name}: {delivery.rows} rows, {delivery.tlp}")
