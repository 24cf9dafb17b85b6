"""`tocsin worker` with WORDS and SETTINGS, in a process that has everything imported already."""

import os
import sys

given = globals()
os.environ.update(given["SETTINGS"])
descriptor = os.open(given["SAID"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.dup2(descriptor, 1)
os.dup2(descriptor, 2)
sys.argv = ["tocsin", "worker", *given["WORDS"]]

from tocsin.node.cli import main  # noqa: E402 after the settings

main()
