"""What a workload issuer's tokens must be bound by.

Such an issuer signs tokens for everybody: any repository on GitHub, any namespace of a cluster. Which audience they are
for is chosen by whoever asks for one. So the signature and our audience prove nothing about whose program it is; only
a rule that names a repository, project or account does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from airflow_oidc_auth.identity.claims import ClaimPath, parse_claim_path

# Of an issuer whose claims nobody here knows. `acme*` would let in `acme-evil`; and the first name of a subject often
# says only what it is: `organization:*`, `spiffe://*`.
BELOW_A_NAME = r"[^*?]*[^*?/:][/:].*"
BELOW_TWO_NAMES = r"[^*?]*[^*?/:][/:]+[^*?/:]+[/:].*"
_SUBJECT = ("sub",)


@dataclass(frozen=True, slots=True)
class Binding:
    """A claim whose value the issuer's own users cannot choose freely.

    :param glob: what a glob over it must look like as it is written (whole), so that its fixed part names an owner
        that nobody else can become: ``acme*`` would let in ``acme-evil``. Empty: exact values only
    :param example: a value, for suggestions
    """

    claim: ClaimPath
    example: str
    glob: str = ""

    def holds(self, value: str | None, glob: str | None) -> bool:
        """Tell whether one accepted value, exact or a glob, is bound."""
        if glob is None:
            return bool(value)
        return bool(self.glob) and re.fullmatch(self.glob, glob, re.DOTALL) is not None

    def pattern(self) -> str:
        """Return a glob that binds, for suggestions; empty where none does."""
        end = max(map(self.example.rfind, "/:")) + 1
        candidates = (f"{self.example[:end]}*", f"{self.example}/*", f"*{self.example[self.example.find('@') :]}")
        return next((each for each in candidates if self.holds(None, each)), "")

    def suggestion(self) -> str:
        """Return the claim with an example as the document spells it."""
        key = str(self.claim)
        return f"{{{key if re.fullmatch(r'[a-z_]+', key) else _quoted(key)}: {_quoted(self.example)}}}"


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of workload issuer.

    :param everybody: whose tokens a rule without a binding would accept, for messages
    :param bindings: a rule must have one of them; the first is the one to suggest
    :param groups_bind: its groups are rights that an administrator gave to one client, so an exact group binds as well
    """

    everybody: str
    bindings: tuple[Binding, ...]
    groups_bind: bool = False

    def all_bindings(self, options: Mapping[str, object]) -> tuple[Binding, ...]:
        """Return the bindings, and those that the administrator names (``bind`` of the preset jwt) instead."""
        named = options.get("bind")
        if not isinstance(named, tuple) or not named:
            return self.bindings
        return tuple(Binding(path, "…", _below(path)) for path in named if isinstance(path, ClaimPath))


def binding(claim: str | Iterable[str], example: str, glob: str = "") -> Binding:
    """Return a binding; a text is read as the document's claim paths are."""
    return Binding(parse_claim_path(claim if isinstance(claim, str) else list(claim)), example, glob)


def _below(path: ClaimPath) -> str:
    return BELOW_TWO_NAMES if path.segments == _SUBJECT else BELOW_A_NAME


def _quoted(text: str) -> str:
    return f'"{text}"' if re.search(r"[^\w/.-]", text) or text.isdecimal() or text.startswith("/") else text
