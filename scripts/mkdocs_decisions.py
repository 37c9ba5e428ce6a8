"""MkDocs hook: list every decision in the navigation, so that writing one is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Add ``docs/decisions/*.md`` in the order of their numbers."""
    folder = Path(config["docs_dir"]) / "decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "index.md")
    config["nav"].append({"Decisions": [f"decisions/{path.name}" for path in pages]})
    return config
