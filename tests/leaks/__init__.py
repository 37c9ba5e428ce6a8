"""Secrets are where they are meant to be and nowhere else: in no type's text, log line, answer, row or metric."""
