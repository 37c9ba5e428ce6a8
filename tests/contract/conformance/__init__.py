"""Conformance: what others have a name for, each row of a table driven against a real API server.

The tables (:mod:`.oidc_rows`, :mod:`.rfc_rows`, :mod:`.saml_rows`) are the data of both the tests and
docs/conformance.md, so that neither can say what the other does not.
"""
