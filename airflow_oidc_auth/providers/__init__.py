"""Identity providers: one protocol each, all yielding an Identity."""
