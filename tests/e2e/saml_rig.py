"""An Airflow and SimpleSAMLphp who know each other by their metadata, and a person at a browser between them."""

from __future__ import annotations

import re
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from playwright.sync_api import Page, Request, expect

from tests.e2e.airflow_server import Airflow
from tests.real_idp.simplesaml.server import SimpleSaml, make_key_pair


@dataclass(frozen=True)
class SamlProvider:
    """A provider of the document.

    :param settings: beyond those that all of them have
    :param slo: ``post`` takes metadata that offers single logout by HTTP-POST only
    """

    label: str
    settings: Mapping[str, str] = field(default_factory=dict)
    slo: str = ""


@dataclass
class Federation:
    """An Airflow and the identity provider.

    :param providers: by id; each is a service provider of its own to the identity provider
    """

    airflow: Airflow
    idp: SimpleSaml
    providers: Mapping[str, SamlProvider]

    def metadata_url(self, provider: str) -> str:
        return f"{self.airflow.base_url}/auth/saml/{provider}/metadata"

    def configure(self, keys: Path) -> None:
        """Write the document, and a key pair beside it."""
        key, certificate = make_key_pair("airflow.example.com")
        (keys / "sp.pem").write_bytes(key)
        (keys / "sp.crt").write_bytes(certificate)
        self.airflow.document.write_text(self._document(keys), encoding="utf-8")

    def introduce(self, *, logout_by_post: bool = False) -> None:
        """Hand our metadata over as an administrator would.

        :param logout_by_post: as if we took logout messages by HTTP-POST only
        """
        parts = [_without_declaration(fetch(self.metadata_url(provider))) for provider in self.providers]
        if logout_by_post:
            parts = [re.sub(r"<md:SingleLogoutService [^>]*HTTP-Redirect[^>]*/>", "", part) for part in parts]
        listed = "".join(parts)
        self.idp.know(f'<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{listed}</EntitiesDescriptor>')

    def _document(self, keys: Path) -> str:
        providers = "".join(self._provider(name, each, keys) for name, each in self.providers.items())
        return f"""\
version: 1
providers:
{providers}
grants:
  rules:
    - {{name: platform admins, when: {{group: airflow-admins}}, roles: [Admin]}}
    - {{name: viewers, when: {{group: airflow-viewers}}, roles: [Viewer]}}
"""

    def _provider(self, name: str, provider: SamlProvider, keys: Path) -> str:
        more = f"?slo={provider.slo}" if provider.slo else ""
        lines = {
            "preset": "saml",
            "label": provider.label,
            "issuer": self.idp.entity_id,
            "metadata_url": f"{self.idp.metadata_url}{more}",
            "signing_key": f"{{file: {keys / 'sp.pem'}}}",
            "certificate": f"{{file: {keys / 'sp.crt'}}}",
            **provider.settings,
        }
        return "\n".join([f"  {name}:", *(f"    {key}: {value}" for key, value in lines.items())]) + "\n"


def fetch(url: str) -> str:
    """Fetch past every proxy, and whatever certificate there is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def _without_declaration(xml: str) -> str:
    return re.sub(r"^<\?xml.*?\?>", "", xml.strip())


@dataclass
class Person:
    """Somebody at a browser.

    :ivar messages: the SAML messages that passed through it, by address and method
    """

    page: Page
    federation: Federation
    messages: list[tuple[str, str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._watch)

    def _watch(self, request: Request) -> None:
        text = request.post_data if request.method == "POST" else urlsplit(request.url).query
        for name, values in parse_qs(text or "").items():
            if name in {"SAMLRequest", "SAMLResponse"}:
                self.messages.append((request.method, urlsplit(request.url).path, name, values[0]))

    def sent(self, method: str, ending: str) -> list[str]:
        """Return the messages that went to such an address."""
        return [text for how, path, _, text in self.messages if how == method and path.endswith(ending)]

    def open(self, path: str) -> None:
        self.page.goto(f"{self.federation.airflow.base_url}{path}")

    def sign_in(self, name: str, provider: str, path: str = "/auth/access") -> None:
        """Follow a link into Airflow, choose the provider and sign in there."""
        self.open(f"/auth/login?next={quote(self.federation.airflow.base_path + path)}")
        self.page.get_by_role("link", name=self.federation.providers[provider].label).click()
        self.be(name)

    def be(self, name: str) -> None:
        """Fill in the identity provider's form."""
        login = name.split(maxsplit=1)[0].lower()
        self.page.locator("#username").fill(login)
        self.page.locator("#password").fill(login)
        self.page.locator("#password").press("Enter")

    def arrives(self) -> None:
        expect(self.page.get_by_role("heading", name="My access")).to_be_visible()

    def is_signed_in(self) -> bool:
        address = f"{self.federation.airflow.base_url}/ui/auth/me"
        return self.page.request.get(address, max_redirects=0).status == 200

    def is_known_at_the_idp(self) -> bool:
        """Tell whether the identity provider would let this browser in without asking."""
        other = self.page.context.new_page()
        other.goto(f"{self.federation.idp.url}/simplesaml/module.php/core/authenticate.php?as=people")
        asked = other.locator("#password").count() > 0
        other.close()
        return not asked

    def refused_with(self, code: str) -> None:
        expect(self.page.get_by_text(f"({code})")).to_be_visible()
        assert not self.is_signed_in()


def rows(person: Person, after: int, event: str) -> list[dict[str, object]]:
    return [row for row in person.federation.airflow.audit(after) if row["event"] == event]
