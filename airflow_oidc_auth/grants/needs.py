"""What a rule needs of the authentication itself, and whether one has it. Names as in RFC 9470."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.identity.authentication import Authentication

ACR, AMR, WITHIN = "acr", "amr", "within"


@dataclass(frozen=True, slots=True)
class Needs:
    """``needs`` of a rule; everything in it must hold.

    :param acr: accepted authentication contexts, compared exactly; none for any
    :param amr: accepted methods, of which one is enough; none for any
    :param within: seconds since the person authenticated, at most; None for any
    """

    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    within: int | None = None

    def check(self, authentication: Authentication | None, now: float | None) -> Standing:
        """Judge one authentication; what is not known does not hold.

        :param now: epoch seconds; None where nobody knows, and then nothing is fresh
        """
        known = authentication or Authentication()
        missed = [ACR] if self.acr and known.acr not in self.acr else []
        missed += [AMR] if self.amr and not known.amr.intersection(self.amr) else []
        if self.within is None:
            return Standing(tuple(missed))
        until = None if known.at is None else known.at + self.within
        if until is None or now is None or not now < until:
            missed.append(WITHIN)
        return Standing(tuple(missed), None if missed else until)

    def describe(self) -> tuple[str, ...]:
        """Return what is needed in words, one text for each key."""
        return tuple(words for _, words in self._words())

    def describe_missed(self, missed: tuple[str, ...]) -> tuple[str, ...]:
        """Return what is needed and missing in words."""
        return tuple(words for key, words in self._words() if key in missed)

    def _words(self) -> list[tuple[str, str]]:
        words: list[tuple[str, str]] = []
        if self.acr:
            words.append((ACR, f"authentication context (acr) {_either(self.acr)}"))
        if self.amr:
            words.append((AMR, f"authentication method (amr) {_either(self.amr)}"))
        if self.within is not None:
            words.append((WITHIN, f"authentication within the last {readable(self.within)}"))
        return words


@dataclass(frozen=True, slots=True)
class Standing:
    """How an authentication stands to what is needed.

    :param missed: keys that do not hold
    :param until: when it stops to hold by itself, epoch seconds; None for never, and where it does not hold
    """

    missed: tuple[str, ...] = ()
    until: int | None = None


def readable(seconds: int) -> str:
    """Write a duration as the document does: ``1h``, ``90m``."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _either(accepted: tuple[str, ...]) -> str:
    return " or ".join(map(repr, accepted))
