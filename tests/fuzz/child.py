"""The fuzzer's own process: ``python -m tests.fuzz.child HARNESS [libFuzzer's options]``."""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
from pathlib import Path

import atheris

import tests.conftest  # noqa: F401 -- Airflow's home is set before anything imports Airflow
from tests.fuzz.__main__ import INSTRUMENTED
from tests.fuzz.harness import load


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name, *options = sys.argv[1:]
    # Logging of what was refused would be most of the work.
    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        harness = load(name)
    dictionary = Path(tempfile.mkstemp(prefix="fuzz-", suffix=".dict")[1])
    dictionary.write_text("\n".join(_entry(word) for word in harness.words if word), encoding="utf-8")
    arguments = [f"-dict={dictionary}", f"-max_len={harness.largest}", *options]
    broken = next(option.partition("=")[2] for option in [*options, "-artifact_prefix="] if "artifact" in option)

    def judge(data: bytes) -> None:
        try:
            harness.judge(data)
        except BaseException:
            # libFuzzer writes it too, unless the process ends before.
            if broken:
                Path(f"{broken}crash-{hashlib.sha1(data).hexdigest()}").write_bytes(data)
            raise

    atheris.Setup([sys.argv[0], *arguments], judge)
    atheris.Fuzz()


def _entry(word: str) -> str:
    """Spell a word as libFuzzer reads it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass")) + '"'


if __name__ == "__main__":
    main()
