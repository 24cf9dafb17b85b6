"""Real name servers on ports of their own: Knot DNS for the world, Unbound and BIND before it."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALL = (
    "apt-get install unbound bind9 bind9-utils bind9-dnsutils knot knot-dnssecutils "
    "pdns-recursor knot-resolver"
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Everything in the world is at 192.0.2.80; the warning page of the shield at 192.0.2.10.
WORLD = """\
$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 1 60 60 600 60
@ NS ns
ns A 127.0.0.1
*.example. A 192.0.2.80
*.example. AAAA 2001:db8::80
warning.shield A 192.0.2.10
warning.shield AAAA 2001:db8::10
"""


def program(name: str) -> str:
    """Where a program is; skips the test where it is not."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"needs {name}: {INSTALL}")
    return found


def free_port() -> int:
    """A port that is free for UDP and TCP on the loopback address."""
    for _ in range(50):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return int(tcp.getsockname()[1])
    raise RuntimeError("no port is free for both UDP and TCP")


@dataclass(frozen=True)
class Answer:
    """What a resolver said: its status, and the data of the answer."""

    status: str
    data: tuple[str, ...]


@dataclass
class Server:
    """A running name server."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, name: str, kind: str = "A") -> Answer:
        """One question, as dig asks it."""
        words = [program("dig"), "@127.0.0.1", "-p", str(self.port), name, kind]
        options = ["+noall", "+comments", "+answer", "+time=2", "+tries=2"]
        said = subprocess.run([*words, *options], capture_output=True, text=True, check=False)
        status = said.stdout.partition("status: ")[2].partition(",")[0]
        rows = [line.split() for line in said.stdout.splitlines() if line and line[0] != ";"]
        return Answer(status or "no answer", tuple(row[-1] for row in rows))

    def extended_error(self, name: str) -> str:
        """The extended DNS error of an answer (RFC 8914), as dig says it; "" for none."""
        words = [program("dig"), "@127.0.0.1", "-p", str(self.port), name, "A"]
        said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        return said.partition("; EDE: ")[2].partition("\n")[0]

    def serial(self, origin: str) -> int:
        """The serial of a zone."""
        words = [program("dig"), "@127.0.0.1", "-p", str(self.port), "+short", origin, "SOA"]
        return int(subprocess.run(words, capture_output=True, check=False).stdout.split()[2])

    def read_again(self) -> None:
        """Read its files again."""
        self.process.send_signal(signal.SIGHUP)

    def wait_for(self, name: str, wanted: Answer) -> Answer:
        """Ask until it says this, 10 seconds at most; what it said last."""
        until = time.monotonic() + 10
        while (found := self.ask(name)) != wanted and time.monotonic() < until:
            time.sleep(0.05)
        return found


@contextmanager
def running(words: list[str], port: int, folder: Path, ready: str) -> Iterator[Server]:
    """A server as long as the block lasts; it is ready when it answers `ready`."""
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=folder, stdout=out, stderr=out)
        server = Server(port, process, log)
        try:
            until = time.monotonic() + 15
            while server.ask(ready).status not in ("NOERROR", "NXDOMAIN"):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"{words[0]} does not answer: {log.read_text('utf-8')}")
                time.sleep(0.05)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def world(folder: Path) -> Iterator[Server]:
    """Knot DNS, which answers for all of .example."""
    port = free_port()
    (folder / "example.zone").write_text(WORLD, "utf-8")
    (folder / "knot.conf").write_text(
        f'server:\n  listen: 127.0.0.1@{port}\n  rundir: "{folder}"\n'
        f'database:\n  storage: "{folder}/db"\n'
        f'zone:\n  - domain: example.\n    file: "{folder}/example.zone"\n',
        "utf-8",
    )
    words = [program("knotd"), "-c", str(folder / "knot.conf")]
    with running(words, port, folder, "ns.example") as server:
        yield server


@contextmanager
def primary(folder: Path, zone: Path, origin: str, tells: int) -> Iterator[Server]:
    """Knot DNS as hidden primary: it keeps its changes and tells the resolver on a port of them."""
    port = free_port()
    (folder / "db").mkdir()
    (folder / "knot.conf").write_text(
        f'server:\n  listen: 127.0.0.1@{port}\n  rundir: "{folder}"\n'
        f'database:\n  storage: "{folder}/db"\n'
        f"remote:\n  - id: resolver\n    address: 127.0.0.1@{tells}\n"
        "acl:\n  - id: out\n    address: 127.0.0.1\n    action: [transfer, update]\n"
        f'zone:\n  - domain: {origin}.\n    file: "{zone}"\n    zonefile-sync: -1\n'
        "    zonefile-load: whole\n    journal-content: changes\n"
        "    notify: resolver\n    acl: out\n",
        "utf-8",
    )
    words = [program("knotd"), "-c", str(folder / "knot.conf")]
    with running(words, port, folder, origin) as server:
        yield server


def publish(folder: Path, commands: bytes) -> list[str]:
    """A transaction; what `knotc` said that was not OK."""
    words = [program("knotc"), "-c", str(folder / "knot.conf")]
    done = subprocess.run(words, input=commands, capture_output=True, check=False)
    return [line for line in (done.stdout + done.stderr).decode().splitlines() if line != "OK"]


def update(server: Server, commands: bytes) -> list[str]:
    """A dynamic update; what `nsupdate` said against it."""
    to = f"server 127.0.0.1 {server.port}\n".encode()
    words = [program("nsupdate")]
    done = subprocess.run(words, input=to + commands, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode().splitlines()


@contextmanager
def unbound(
    folder: Path,
    zone: Path,
    origin: str,
    beyond: Server,
    *,
    port: int | None = None,
    of: Server | None = None,
) -> Iterator[Server]:
    """Unbound with the zone of the shield from a file, or from the primary `of` the zone."""
    port = port or free_port()
    source = f"primary: 127.0.0.1@{of.port}\n  allow-notify: 127.0.0.1" if of else ""
    (folder / "unbound.conf").write_text(
        f"""\
server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "respip iterator"
  local-zone: "example." nodefault
  prefetch: no
  num-threads: 1
  so-reuseport: no
rpz:
  name: {origin}
  {source or f'zonefile: "{zone}"'}
stub-zone:
  name: example
  stub-addr: 127.0.0.1@{beyond.port}
remote-control:
  control-enable: no
""",
        "utf-8",
    )
    words = [program("unbound"), "-d", "-c", str(folder / "unbound.conf")]
    with running(words, port, folder, "ready.example") as server:
        yield server


@contextmanager
def bind(folder: Path, zone: Path, origin: str, beyond: Server) -> Iterator[Server]:
    """BIND with the zone of the shield from a file."""
    port = free_port()
    (folder / "named.conf").write_text(
        f"""\
options {{
  directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  dnssec-validation no;
  recursion yes;
  response-policy {{ zone "{origin}"; }} qname-wait-recurse no;
}};
controls {{ }};
zone "{origin}" {{ type primary; file "{zone}"; }};
zone "example" {{
  type forward; forward only; forwarders {{ 127.0.0.1 port {beyond.port}; }};
}};
""",
        "utf-8",
    )
    words = [program("named"), "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with running(words, port, folder, "ready.example") as server:
        yield server


# What whoever is blocked is told by the two resolvers that can say it.
SAID = "Phishing shield: https://node.example/shield/check"


@contextmanager
def recursor(folder: Path, zone: Path, _origin: str, beyond: Server) -> Iterator[Server]:
    """PowerDNS Recursor with the zone of the shield from a file, and a word on why."""
    port = free_port()
    (folder / "shield.lua").write_text(
        f'rpzFile("{zone}", {{policyName="shield", extendedErrorCode=17, '
        f'extendedErrorExtra="{SAID}"}})\n',
        "utf-8",
    )
    (folder / "recursor.conf").write_text(
        f"local-address=127.0.0.1\nlocal-port={port}\nsocket-dir={folder}\ndaemon=no\n"
        f"setuid=\nsetgid=\nthreads=1\nforward-zones=example=127.0.0.1:{beyond.port}\n"
        f"dnssec=off\nlua-config-file={folder}/shield.lua\nsecurity-poll-suffix=\n",
        "utf-8",
    )
    words = [program("pdns_recursor"), f"--config-dir={folder}"]
    with running(words, port, folder, "ready.example") as server:
        yield server


@contextmanager
def kresd(folder: Path, zone: Path, _origin: str, beyond: Server) -> Iterator[Server]:
    """Knot Resolver with the zone of the shield from a file, and a word on why."""
    port = free_port()
    (folder / "kresd.conf").write_text(
        f"net.listen('127.0.0.1', {port})\ncache.size = 10*MB\ntrust_anchors.remove('.')\n"
        f"policy.add(policy.rpz(policy.DENY_MSG('{SAID}', kres.extended_error.FILTERED), "
        f"'{zone}', false))\n"
        "policy.add(policy.suffix(policy.FLAGS({'NO_CACHE'}), {todname('example.')}))\n"
        f"policy.add(policy.suffix(policy.STUB('127.0.0.1@{beyond.port}'), "
        "{todname('example.')}))\n",
        "utf-8",
    )
    words = [program("kresd"), "-n", "-c", str(folder / "kresd.conf"), str(folder)]
    with running(words, port, folder, "ready.example") as server:
        yield server


SAYING = {"recursor": recursor, "kresd": kresd}
SERVERS = {"unbound": unbound, "bind": bind}
