"""What a verification of the audit tells a person, and a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from airflow_oidc_auth.audit.chain.check import ChainState
from airflow_oidc_auth.audit.chain.findings import Finding, Kind
from airflow_oidc_auth.audit.chain.row import from_moment
from airflow_oidc_auth.audit.chain.verify import Loose, Verification
from airflow_oidc_auth.cli.command import ExitCode
from airflow_oidc_auth.cli.text import count, section, table
from airflow_oidc_auth.web.my_access import describe_distance

SHOWN = 50
REFERENCE = 8
# A server that lives signs every minute, at most every hour.
LATE = 3600

_WORDS = {
    Kind.CHANGED: "changed",
    Kind.REMOVED: "removed",
    Kind.REPEATED: "repeated",
    Kind.MOVED: "moved",
    Kind.FORGED: "forged",
    Kind.CHECKPOINT_REMOVED: "cut out",
    Kind.CHECKPOINT_REPEATED: "replayed",
    Kind.TRUNCATED: "cut off",
}


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found.

    :param now: of the verification
    :param strict: what is merely worth a look fails, too
    """

    found: Verification
    now: datetime
    strict: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """One thing that is wrong is enough."""
        wrong = bool(self.found.findings) or (self.strict and any(True for _ in self._notices()))
        return ExitCode.FAILED if wrong else ExitCode.OK

    def text(self) -> list[str]:
        """What is wrong first, then what was looked at, then what else deserves a look."""
        kept = self.found.findings.kept
        lines = [self._title(), ""]
        if kept:
            lines += table([(_WORDS[each.kind], describe(each)) for each in kept[:SHOWN]])
            lines += [f"  … and {count(len(kept) - SHOWN, 'finding')} more: --json lists them."] * (len(kept) > SHOWN)
            lines.append("")
        lines += table(list(self._facts()))
        lines.append("")
        lines += section("Worth a look", table([("-", each) for each in self._notices()]))
        return lines

    def data(self) -> dict[str, object]:
        """The same for a program; times are ISO 8601."""
        found = self.found
        return {
            "intact": not found.findings,
            "findings": [_finding_data(each) for each in found.findings.kept],
            "counts": {kind.value: number for kind, number in sorted(found.findings.counts.items())},
            "rows": self._rows(),
            "chains": [_chain_data(each) for each in found.chains],
            "notices": list(self._notices()),
            "verified_at": self.now.isoformat(timespec="seconds"),
        }

    def _title(self) -> str:
        found = self.found
        if found.findings:
            return f"The audit trail is NOT what was signed: {count(len(found.findings.kept), 'finding')}."
        if not found.chains:
            return "Nothing was signed yet."
        return "The audit trail is what was signed."

    def _rows(self) -> dict[str, int]:
        found = self.found
        return {
            "seen": found.rows,
            "signed": self._as_signed(),
            "erased": found.erased,
            "unsigned": self._unsigned(),
            "unchained": found.unchained.rows,
            "not_sealed": found.unsealed,
            "not_written": found.lost,
            "pruned_but_there": found.leftovers,
            "unchecked": found.unchecked,
        }

    def _as_signed(self) -> int:
        return max(0, self.found.signed - self.found.findings.counts[Kind.CHANGED])

    def _unsigned(self) -> int:
        return sum(each.unsigned for each in self.found.chains) + sum(each.rows for each in self.found.unknown.values())

    def _facts(self) -> Iterator[tuple[str, str]]:
        found = self.found
        parts = [f"{found.rows:,} looked at, {self._as_signed():,} as signed"]
        parts += [f"{found.erased:,} erased by a signed order"] * bool(found.erased)
        parts += [f"{self._unsigned():,} not signed yet"] * bool(self._unsigned())
        yield "rows", ", ".join(parts)
        closed = sum(each.closed for each in found.chains)
        running = [each for each in found.chains if not each.closed and self._age(each) <= LATE]
        silent = len(found.chains) - closed - len(running)
        yield (
            "chains",
            f"{len(found.chains)}: {len(running)} signed within the hour, {closed} ended, {silent} silent since",
        )
        newest = max(found.chains, key=lambda each: each.signed_at, default=None)
        if newest is not None and newest.signed_at:
            yield "last checkpoint", f"{_time(newest.signed_at * 1_000_000)}, {describe_distance(-self._age(newest))}"

    def _notices(self) -> Iterator[str]:
        found = self.found
        if found.unchained.rows:
            yield (
                f"{count(found.unchained.rows, 'row')} in no chain ({_span(found.unchained)}, from id "
                f"{found.unchained.first_id}): written before the chain was on, by a command without the key, or by "
                "somebody else."
            )
        if found.unsealed:
            yield (
                f"{count(found.unsealed, 'row')} got no place in a chain, as the servers' checkpoints say, because "
                f"nothing could be signed; {found.unchained.rows:,} in no chain are there."
            )
        for each in found.chains:
            if each.unsigned and self._age(each) > LATE:
                yield (
                    f"chain {each.chain[:REFERENCE]}: {count(each.unsigned, 'row')} after its last checkpoint, "
                    f"{describe_distance(-self._age(each))}, never signed: the server was killed, or cannot sign."
                )
        for chain, loose in found.unknown.items():
            yield f"chain {chain[:REFERENCE]}: {count(loose.rows, 'row')} ({_span(loose)}) and no checkpoint at all."
        if found.lost:
            yield f"{count(found.lost, 'row')} could not be written, as the servers' checkpoints say; see their logs."
        if found.leftovers:
            yield f"{count(found.leftovers, 'row')} that were pruned are still there: run the prune again."
        if found.unchecked:
            yield f"{count(found.unchecked, 'row')} cannot be checked: their checkpoint is gone or forged."

    def _age(self, chain: ChainState) -> int:
        return max(0, int(self.now.timestamp()) - chain.signed_at)


def describe(finding: Finding) -> str:
    """Return a finding as one sentence."""
    numbers = f"{finding.first}" if finding.first == finding.last else f"{finding.first} to {finding.last}"
    place = f"chain {finding.chain[:REFERENCE]} no. {numbers}"
    row = f"row {finding.row_id} ({finding.event}, {_time(finding.began)}), {place}"
    why = f" ({finding.why})" if finding.why else ""
    between = f", of {_between(finding.began, finding.ended)}" if finding.began else ""
    texts = {
        Kind.CHANGED: f"{row}: it is not what was {'sealed' if 'nobody' in finding.why else 'signed'}{why}.",
        Kind.REMOVED: f"{count(finding.last - finding.first + 1, 'row')}{between}, {place}: removed without a "
        "signature, by `db clean` or by hand.",
        Kind.REPEATED: f"{row}: it is there twice{why}.",
        Kind.MOVED: f"{row}: it is not where it was written.",
        Kind.FORGED: f"the checkpoint of {place}{between}: {finding.why}.",
        Kind.CHECKPOINT_REMOVED: f"{place}{between}: the checkpoint before it is gone{why}.",
        Kind.CHECKPOINT_REPEATED: f"the checkpoint of {place}{between} is there again.",
        Kind.TRUNCATED: f"{place}: its last checkpoints are gone{why}.",
    }
    return texts[finding.kind]


def _span(loose: Loose) -> str:
    return _between(loose.began, loose.ended)


def _between(began: int, ended: int) -> str:
    return _time(began) if _time(began) == _time(ended) else f"{_time(began)} to {_time(ended)}"


def _time(moment: int) -> str:
    return f"{from_moment(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time"


def _iso(moment: int) -> str | None:
    return from_moment(moment).isoformat() if moment else None


def _finding_data(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "chain": finding.chain,
        "first": finding.first,
        "last": finding.last,
        "row_id": finding.row_id,
        "event": finding.event or None,
        "began": _iso(finding.began),
        "ended": _iso(finding.ended),
        "text": describe(finding),
    }


def _chain_data(chain: ChainState) -> dict[str, object]:
    return {
        "chain": chain.chain,
        "signed": chain.signed,
        "last_checkpoint": _iso(chain.signed_at * 1_000_000),
        "unsigned": chain.unsigned,
        "ended": chain.closed,
    }
