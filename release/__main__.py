"""`python -m release --key FILE [--out FOLDER]`, from the root of a checkout."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from release import Refused, building, parts, signing
from release.state import State, read_state


def make(root: Path, *, key: Path | None, out: Path) -> tuple[State, Path, signing.Key]:
    """Everything of one release, in a folder of its own below `out`; whole or not at all."""
    state = read_state(root)
    signer = signing.read_key(key)
    folder = out / f"tocsin-{state.version}"
    if folder.exists():
        raise Refused(f"{folder} is there already. Possible: remove it, or --out another folder")
    with tempfile.TemporaryDirectory(prefix="tocsin-release-") as scratch:
        made = Path(scratch) / "made"
        building.build_twice(root, state, into=made, scratch=Path(scratch))
        listing = parts.bill(root, state)
        (made / f"tocsin-{state.version}.cdx.json").write_text(listing, encoding="utf-8")
        signing.sign(made, signer)
        out.mkdir(parents=True, exist_ok=True)
        shutil.move(made, folder)
    return state, folder, signer


def main() -> int:
    """Make it and say how anybody verifies it; 1 with a sentence where it is refused."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--key", type=Path, help="Ed25519 key of OpenSSH: signs the checksums")
    parser.add_argument("--out", type=Path, default=Path("dist"))
    words = parser.parse_args()
    try:
        state, folder, signer = make(Path.cwd(), key=words.key, out=words.out)
    except Refused as refusal:
        sys.stderr.write(f"No release: {refusal}\n")
        return 1
    except subprocess.CalledProcessError as fault:
        said = (fault.stderr or fault.stdout or b"").decode(errors="replace").strip()
        sys.stderr.write(f"No release: {fault.cmd[0]} failed.\n{said}\n")
        return 1
    sizes = [f"  {path.name}  {path.stat().st_size:,} bytes" for path in sorted(folder.iterdir())]
    sys.stdout.write(
        f"Tocsin {state.version} of commit {state.commit[:12]}, built twice with the same bytes:\n"
        + "\n".join([f"{folder}/", *sizes])
        + "\n\nWhoever verifies needs this line, from elsewhere than the release itself:\n"
        f"  {signer.allowed}\n"
        f"Its fingerprint: {signer.fingerprint}\n"
        "How: docs/how-to/verify-a-release.md\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
