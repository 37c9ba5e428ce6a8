"""The bill of materials in CycloneDX 1.6 JSON: what comes with this package, in which version, under which licence.

Versions and hashes are those of the development lock file, with which the tests ran; an installation may resolve to
others within the bounds of the wheel's metadata. Nothing in it depends on the moment or the machine.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from closure import ROOT_PACKAGE, Part
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

HASH_PROPERTY = f"{ROOT_PACKAGE}:lock:sha256"


def build_sbom(
    parts: Mapping[str, Part],
    hashes: Mapping[tuple[str, str], tuple[str, ...]],
    licence_of: Callable[[Part], str],
    *,
    epoch: int,
) -> str:
    """Return the document, checked against CycloneDX's schema.

    :param hashes: of every file of a version, of which an installation takes one
    :param epoch: seconds; the time that it names
    :raises ValueError: it does not fit the schema
    """
    components = {name: _component(part, licence_of(part), hashes) for name, part in parts.items()}
    root = components.pop(ROOT_PACKAGE)
    root.type = ComponentType.APPLICATION
    bom = Bom(components=components.values())
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, tz=timezone.utc)
    everything = {**components, ROOT_PACKAGE: root}
    for name, part in parts.items():
        bom.register_dependency(everything[name], [everything[each] for each in sorted(part.needs)])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{root.purl}#{epoch}")
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"not CycloneDX 1.6: {problem}")
    return text + "\n"


def _component(part: Part, licence: str, hashes: Mapping[tuple[str, str], tuple[str, ...]]) -> Component:
    purl = PackageURL("pypi", name=part.name, version=part.version)
    known = hashes.get((part.name, part.version), ())
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        bom_ref=str(purl),
        purl=purl,
        licenses=[_licence(licence)],
        properties=[Property(name=HASH_PROPERTY, value=each) for each in known],
    )


def _licence(text: str) -> LicenseExpression | DisjunctiveLicense:
    if " OR " in text or " AND " in text:
        return LicenseExpression(text)
    return DisjunctiveLicense(id=text)
