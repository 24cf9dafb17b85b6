"""Checksums, and a signature over them that OpenSSH, and so nearly every machine, verifies.

The signature is of the form `ssh-keygen -Y sign` makes, under a name of its own (the namespace), so
that no signature made for anything else passes for one of a release.
"""

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from release import Refused

SUMS = "SHA256SUMS"
NAMESPACE = "tocsin-release"
WHO = "release@tocsin"
KINDS = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com")


@dataclass(frozen=True)
class Key:
    """A maintainer's key; a `.pub` file means that an agent or a token holds the rest."""

    path: Path
    public: str  # kind and base64
    fingerprint: str

    @property
    def allowed(self) -> str:
        """The line whoever verifies keeps in a file of allowed signers."""
        return f'{WHO} namespaces="{NAMESPACE}" {self.public}'


def read_key(path: Path | None) -> Key:
    """Raises `Refused` for none, and for what is no Ed25519 key of OpenSSH."""
    if path is None:
        raise Refused(
            "no key was named, and a release nobody signed is nobody's. "
            "Possible: make release KEY=~/.ssh/id_ed25519 (a new one: ssh-keygen -t ed25519)"
        )
    if shutil.which("ssh-keygen") is None:
        raise Refused("ssh-keygen is not here. Possible: apt-get install openssh-client")
    path = path.expanduser()
    if not path.is_file():
        raise Refused(f"the key {path} is not there. Possible: KEY= the path of one that is")
    public = _public(path)
    if public.split(" ")[0] not in KINDS:
        raise Refused(f"{path} is no Ed25519 key. Possible: ssh-keygen -t ed25519 makes one")
    shown = _ssh_keygen("-l", "-f", "-", given=public.encode())
    return Key(path, public, shown.split(" ")[1])


def _public(path: Path) -> str:
    beside = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    try:
        line = beside.read_text("utf-8") if beside.is_file() else _ssh_keygen("-y", "-f", str(path))
    except (subprocess.CalledProcessError, UnicodeDecodeError) as fault:
        raise Refused(f"{path} is no key that OpenSSH can read") from fault
    if not (found := re.match(r"(\S+) (\S+)", line)):
        raise Refused(f"{path} is no key that OpenSSH can read")
    return f"{found[1]} {found[2]}"


def sign(folder: Path, key: Key) -> None:
    """Write the checksums of all files and the signature over them, and verify it at once."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    sums = folder / SUMS
    sums.write_text("".join(lines), encoding="ascii")
    # standard input and output stay the terminal's: a passphrase or a token may be asked for
    command = ["ssh-keygen", "-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key.path), str(sums)]
    if subprocess.run(command, check=False).returncode:
        raise Refused(f"ssh-keygen did not sign with {key.path}: see what it says above")
    signers = folder / "allowed"
    signers.write_text(f"{key.allowed}\n", encoding="utf-8")
    try:
        _ssh_keygen("-Y", "verify", "-f", str(signers), "-I", WHO, "-n", NAMESPACE,
                    "-s", f"{sums}.sig", given=sums.read_bytes())  # fmt: skip
    except subprocess.CalledProcessError as fault:
        raise Refused(f"the signature does not verify: {key.path} and its .pub differ") from fault
    finally:
        signers.unlink()


def _ssh_keygen(*words: str, given: bytes | None = None) -> str:
    command = ["ssh-keygen", *words]
    done = subprocess.run(command, check=True, capture_output=True, input=given)
    return done.stdout.decode()
