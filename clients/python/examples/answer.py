# ruff: noqa: INP001, T201  (a program for people, which prints)
"""Print the open cases, or answer one by the id that is printed: `answer.py [ID STEP [NOTE]]`."""

import os
import sys
from pathlib import Path

from tocsin_client import Client, Problem

token = Path(os.environ["TOCSIN_TOKEN_FILE"]).read_text().strip()
node = Client(os.environ["TOCSIN_URL"], token=token)

if len(sys.argv) > 2:
    try:
        case = node.answer(sys.argv[1], sys.argv[2], note=" ".join(sys.argv[3:]))
    except Problem as problem:
        sys.exit(f"answer.py: {problem}")
    print(f"{case.reference}: {case.state}")
else:
    for case in node.cases(state="open"):
        steps = ", ".join(node.case(case.id).steps)
        print(f"{case.id} {case.reference} {case.kind} {case.about}: {case.state} ({steps})")
