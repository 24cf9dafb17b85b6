"""What stands in deploy/ is what the programs that read it accept."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.house.source import REPOSITORY as ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("tocsin-*"))
SETTINGS = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


def program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"needs {name}: apt-get install {package}")
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_every_unit(unit, tmp_path) -> None:
    analyze = program("systemd-analyze", "systemd")
    for one in UNITS:  # the program itself is not installed here
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", one.read_text(), flags=re.MULTILINE)
        (tmp_path / one.name).write_text(text)
    name = unit.name.replace("@.", "@1.")
    (tmp_path / unit.name).rename(tmp_path / name)
    done = subprocess.run(
        [analyze, "verify", "--man=no", tmp_path / name],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "tocsin-" in line]

    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", [path for path in UNITS if path.suffix == ".service"])
def test_every_service_gives_up_what_it_does_not_need(unit) -> None:
    text = unit.read_text()
    wanted = ("NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077", "User=tocsin")

    assert [line for line in wanted if line not in text.splitlines()] == []


def test_the_compose_file_names_what_there_is() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = whole["services"]

    assert sorted(services) == ["database", "dns", "mail", "web", "worker"]
    for name, service in services.items():
        assert {"image", "build"} & set(service), name
        for needed in service.get("depends_on", {}):
            assert needed in services, name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            there = source in whole["volumes"] or (DEPLOY / source).exists()
            assert there, f"{name}: {source}"
    build = services["web"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    assert services["worker"]["command"][0] == "worker"
    # Nothing is open to the world but through the proxy.
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert [port for port in ports if not str(port).startswith("127.0.0.1:")] == []


def test_the_containerfile_runs_as_nobody_special_and_from_lock_files() -> None:
    lines = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    known = {
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "ENV",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
    }

    assert {word for word, _, _ in steps} <= known
    assert [rest for word, _, rest in steps if word == "USER"] == ["tocsin"]
    installs = [rest for word, _, rest in steps if "pip install" in rest]
    assert all("--require-hashes" in rest for rest in installs)
    named = re.findall(r"requirements[a-z-]*\.lock", " ".join(installs))
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_setting_of_the_example_is_a_setting() -> None:
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    named = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]

    assert [name for name in named if f"`{name}`" not in SETTINGS] == []
    assert len(named) > 4


def test_nginx_accepts_its_server_blocks(tmp_path) -> None:
    nginx = program("nginx", "nginx-light")
    openssl = program("openssl", "openssl")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=tocsin.cert.example", "-keyout", key, "-out", chain],
        capture_output=True, check=True,
    )  # fmt: skip
    block = (DEPLOY / "nginx.conf").read_text()
    block = block.replace("/etc/tocsin/tls/fullchain.pem", str(chain))
    block = block.replace("/etc/tocsin/tls/privkey.pem", str(key))
    # The distribution's nginx may be older than the directive that stands for HTTP/2 now.
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off;\n{block}}}"
    paths = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path")
    whole = whole.replace("http {", "http {" + "".join(f" {name} {tmp_path};" for name in paths))
    if _version(nginx) < (1, 25, 1):
        whole = whole.replace("http2 on;", "").replace(" ssl;", " ssl http2;")
    (tmp_path / "nginx.conf").write_text(whole)
    done = subprocess.run(
        [nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def _version(nginx: str) -> tuple[int, ...]:
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr
    return tuple(map(int, re.search(r"nginx/([0-9.]+)", said)[1].split(".")))


def test_knot_accepts_its_configuration(tmp_path) -> None:
    knotc = program("knotc", "knot")
    text = (DEPLOY / "knot.conf").read_text().replace('"/storage', f'"{tmp_path}')
    (tmp_path / "knot.conf").write_text(text)
    done = subprocess.run(
        [knotc, "-c", tmp_path / "knot.conf", "conf-check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
