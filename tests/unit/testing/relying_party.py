"""A relying party in forty lines, which believes everything: it shows what the fake IdP really sends."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from urllib.parse import urlencode

from airflow_oidc_auth.testing import REDIRECT_URI

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())


def fetch(url, form=None, headers=None):
    """Return status, headers, body; never raises for a status."""
    data = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with OPENER.open(request, timeout=5) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def fetch_json(url, form=None, headers=None):
    status, _, body = fetch(url, form, headers)
    assert status == 200, (status, body[:200])
    return json.loads(body)


def authorization_url(idp, **changes):
    parameters = {
        "client_id": idp.client_id,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "st",
        "nonce": "no",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{idp.origin}/authorize?{urlencode({k: v for k, v in parameters.items() if v is not None})}"


def token_form(idp, code, /, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
        "client_id": idp.client_id,
        "client_secret": idp.client_secret,
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def tokens(idp, user="ada", **changes):
    code = idp.sign_in(authorization_url(idp, **changes), user)["code"]
    return fetch_json(f"{idp.origin}/token", token_form(idp, code))


def decode(token):
    """Return header, claims and signature of a compact token, unverified."""
    head, payload, signature = token.split(".")
    return *(json.loads(unpadded(part)) for part in (head, payload)), unpadded(signature)


def unpadded(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
