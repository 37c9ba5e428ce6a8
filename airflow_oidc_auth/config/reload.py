"""Hot reload: a good document replaces the old one, a bad one is reported and changes nothing.

Looks at the content, not the modification time or the inode: Kubernetes swaps a symlink when a ConfigMap
changes, editors replace files, and clocks of file systems are coarse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.errors import ConfigurationError, Problem


@dataclass(frozen=True, slots=True)
class InForce:
    """A document without a problem, and what it became."""

    raw: RawDocument
    config: CompiledConfig = field(repr=False)


Accept = Callable[[InForce, InForce], None]
Reject = Callable[[Sequence[Problem]], None]


class DocumentWatcher:
    """Watch one document; the caller owns the thread and says when to look.

    :param source: its name in problems
    :param read: returns the file's bytes; ``OSError`` while it is away
    :param load: reads the document in them, raises ConfigurationError
    :param compile: compiles a raw document, raises ConfigurationError
    :param current: what the server runs on; a first look at the same document changes nothing
    :param accept: called with the new document and the old one; raises ConfigurationError if it cannot be used
    :param pause: waits a moment, so that a file that is being written shows it
    :param reject: called with the problems of a bad document, once as long as neither changes
    """

    def __init__(
        self,
        *,
        source: str,
        read: Callable[[], bytes],
        load: Callable[[bytes], RawDocument],
        compile: Callable[[RawDocument], CompiledConfig],  # noqa: A002 (the verb of this package)
        current: InForce,
        accept: Accept,
        reject: Reject,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._read = read
        self._load = load
        self._compile = compile
        self._current = current
        self._accept = accept
        self._reject = reject
        self._pause = pause
        self._seen = ""
        self._problems: tuple[Problem, ...] = ()

    @property
    def current(self) -> InForce:
        """What was accepted last."""
        return self._current

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with the document as it was seen last; empty for one that is in force."""
        return self._problems

    def look(self) -> bool:
        """Look now; return whether a new configuration was accepted."""
        content = self._try_read()
        digest = _digest(content)
        if digest != self._seen and not self._stays(digest):
            return False
        if isinstance(content, OSError):
            return self._bad(digest, [self._unreadable(content)])
        # What is wrong with a document may be mended elsewhere: a secret that it refers to, a file that it names.
        if digest == self._seen and not self._problems:
            return False
        try:
            raw = self._load(content)
            new = InForce(raw, self._compile(raw))
        except ConfigurationError as error:
            return self._bad(digest, error.problems)
        return self._good(digest, new)

    def _stays(self, digest: str) -> bool:
        """Tell whether the file is the same a moment later.

        Written in place, it is cut short for a moment, and what there is of it may be valid, without its denials.
        """
        self._pause()
        return _digest(self._try_read()) == digest

    def _try_read(self) -> bytes | OSError:
        try:
            return self._read()
        except OSError as error:
            return error

    def _good(self, digest: str, new: InForce) -> bool:
        old = self._current
        # Comments and layout may change without changing anything, and a bad document may be put back. What holds
        # secrets is compared too: the same reference may lead to a rotated one.
        if new.config.digest == old.config.digest and _resolved(new.config) == _resolved(old.config):
            self._seen, self._problems = digest, ()
            return False
        try:
            self._accept(new, old)
        except ConfigurationError as error:
            # Only putting it to use showed what is wrong: what runs is the old one, and that is what is told.
            return self._bad(digest, error.problems)
        self._seen, self._current, self._problems = digest, new, ()
        return True

    def _bad(self, digest: str, problems: Sequence[Problem]) -> bool:
        if (digest, tuple(problems)) != (self._seen, self._problems):
            self._seen, self._problems = digest, tuple(problems)
            self._reject(self._problems)
        return False

    def _unreadable(self, error: OSError) -> Problem:
        reason = error.strerror or type(error).__name__
        return Problem("(document)", f"cannot be read: {reason}", "check the path and its permissions", self._source)


def _resolved(compiled: CompiledConfig) -> tuple[object, ...]:
    return dict(compiled.providers), compiled.tokens, compiled.rate_limits, compiled.audit


def _digest(content: bytes | OSError) -> str:
    if isinstance(content, OSError):
        return f"!{type(content).__name__}"
    return hashlib.sha256(content).hexdigest()
