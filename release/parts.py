"""The bill of materials (CycloneDX 1.6): what the lock files pin, with hashes and licences.

required: what a default installation and the pages run on · optional: the extras · excluded: what
builds the wheel and tests the pages, and is in neither.
"""

import json
import tomllib
import uuid
from base64 import b64decode
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import fixup_id
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release import Refused
from release.locks import Pin, reached, read_lock
from release.state import State

NPM = "src/tocsin/node/frontend/package-lock.json"
# Licences that only a classifier tells, by the identifier SPDX gives them.
CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Pinned for other systems than the one that releases: read from their own pages.
ELSEWHERE = {"brotlicffi": "MIT", "colorama": "BSD-3-Clause"}
_REQUIRED, _OPTIONAL = ComponentScope.REQUIRED, ComponentScope.OPTIONAL
_EXCLUDED = ComponentScope.EXCLUDED


def bill(root: Path, state: State) -> str:
    """JSON, the same bytes for one commit; raises `Refused` for what its schema refuses."""
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"tocsin:{state.commit}"))
    bom.metadata.timestamp = state.at
    product = Component(
        name="tocsin",
        version=state.version,
        type=ComponentType.APPLICATION,
        licenses=[LicenseFactory().make_from_string("EUPL-1.2")],
        purl=PackageURL("pypi", None, "tocsin", state.version),
        bom_ref="tocsin",
    )
    bom.metadata.component = product
    pins = _pins(root)
    known = {pin: _python(pin, scope) for pin, scope in pins.items()}
    npm = list(_npm(root))
    for part in (*known.values(), *npm):
        bom.components.add(part)

    def needed_by(name: str) -> list[Component]:
        return [part for pin, part in known.items() if name in pin.via]

    bom.register_dependency(product, [*needed_by("tocsin"), *npm])
    for pin, part in known.items():
        bom.register_dependency(part, needed_by(pin.name))
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise Refused(f"the bill of materials breaks CycloneDX 1.6: {fault.data}")
    return text


def _pins(root: Path) -> dict[Pin, ComponentScope]:
    """An extra is found in a lock file of its own, or in that of the developers."""
    run = read_lock(root / "requirements.lock")
    needed = reached(run, {pin.name for pin in run if "tocsin" in pin.via})
    scopes = {pin: _REQUIRED if pin.name in needed else _EXCLUDED for pin in run}
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name for group in project["optional-dependencies"].values() for name in _names(group)}
    for file in ("requirements-pdf.lock", "requirements-postgres.lock", "requirements-saml.lock"):
        extras |= {pin.name for pin in read_lock(root / file)}
    dev = read_lock(root / "requirements-dev.lock")
    wanted = reached(dev, extras)
    there = {pin.name for pin in run}
    more = [pin.only(keep=wanted) for pin in dev if pin.name in wanted - there]
    return scopes | dict.fromkeys(more, _OPTIONAL)


def _names(group: list[str]) -> Iterator[str]:
    for line in group:
        yield canonicalize_name(Requirement(line).name)


def _python(pin: Pin, scope: ComponentScope) -> Component:
    return Component(
        name=pin.name,
        version=pin.version,
        scope=scope,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.hashes],
        licenses=_licences(pin.name),
        purl=PackageURL("pypi", None, pin.name, pin.version),
        bom_ref=pin.ref,
    )


def _licences(name: str) -> list[License]:
    """As the package says: an expression, an identifier, or the words of its classifiers."""
    factory = LicenseFactory()
    if name in ELSEWHERE:
        return [factory.make_from_string(ELSEWHERE[name])]
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError as fault:
        raise Refused(
            f"{name} is pinned and not installed, so its licence is unknown. "
            "Possible: make .venv/.dev, or name it in ELSEWHERE in release/parts.py"
        ) from fault
    classifiers = [line for line in said.get_all("Classifier") or [] if "License ::" in line]
    named = [line.rpartition(" :: ")[2] for line in classifiers]
    if "License-Expression" in said:
        return [factory.make_from_string(said["License-Expression"])]
    if "License" in said and (exact := fixup_id(said["License"].strip())):
        return [factory.make_from_string(exact)]
    if not named:
        raise Refused(f"{name} does not say its licence. Possible: name it in release/parts.py")
    return [factory.make_from_string(CLASSIFIERS.get(one, one)) for one in named]


def _npm(root: Path) -> Iterator[Component]:
    locked = json.loads((root / NPM).read_text(encoding="utf-8"))["packages"]
    for path, said in sorted(locked.items()):
        if not path:
            continue  # what the lock file is of
        name = path.rpartition("node_modules/")[2]
        method, _, digest = said["integrity"].partition("-")
        if method != "sha512":
            raise Refused(f"{name} is pinned by {method} and not by sha512 in {NPM}")
        yield Component(
            name=name,
            version=said["version"],
            scope=_EXCLUDED if said.get("dev") else _REQUIRED,
            hashes=[HashType(alg=HashAlgorithm.SHA_512, content=b64decode(digest).hex())],
            licenses=[LicenseFactory().make_from_string(said["license"])],
            purl=PackageURL("npm", None, name, said["version"]),
            bom_ref=f"npm:{name}@{said['version']}",
        )
