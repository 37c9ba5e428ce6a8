"""The fake IdP's pages: plain HTML, light and dark, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from airflow_oidc_auth.testing.users import FakeUser

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2333; --soft: #5b6478; --line: #d9deea; --card: #fff; --page: #eef1f8;
  --accent: #4a3aa7; --accent-soft: #ece9fb }
@media (prefers-color-scheme: dark) { :root { --ink: #eef0f6; --soft: #a9b1c4; --line: #353c4f; --card: #1d2230;
  --page: #12151e; --accent: #b9adff; --accent-soft: #2b2748 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--page);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  padding: 2rem; box-shadow: 0 .5rem 2rem #0001 }
h1 { margin: 0 0 .25rem; font-size: 1.35rem }
p { margin: 0 0 1.25rem; color: var(--soft) }
form { display: grid; gap: .6rem }
button { display: grid; grid-template-columns: 2.75rem 1fr; gap: .1rem .9rem; align-items: center; width: 100%;
  padding: .75rem .9rem; text-align: left; font: inherit; color: inherit; background: transparent; cursor: pointer;
  border: 1px solid var(--line); border-radius: .75rem }
button:hover, button:focus-visible { border-color: var(--accent); background: var(--accent-soft); outline: none }
button:focus-visible { box-shadow: 0 0 0 3px var(--accent) }
.face { grid-row: 1 / span 2; width: 2.75rem; height: 2.75rem; display: grid; place-items: center;
  border-radius: 50%; background: var(--accent-soft); color: var(--accent); font-weight: 600 }
.name { font-weight: 600 }
.facts { font-size: .85rem; color: var(--soft); overflow-wrap: anywhere }
footer { margin-top: 1.25rem; font-size: .8rem; color: var(--soft) }
code { font-size: .95em }
"""


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def login_page(users: Sequence[FakeUser], *, client_id: str, action: str) -> str:
    """One button per person; pressing it signs in as them."""
    buttons = "".join(_button(user) for user in users)
    return _page(
        "Demo identity provider",
        "<h1>Who are you today?</h1>"
        f"<p>Demo identity provider. <code>{escape(client_id)}</code> wants you to sign in; there are no passwords.</p>"
        f'<form method="post" action="{escape(action)}">{buttons}</form>'
        "<footer>For demonstrations and tests only. Never let it face a network.</footer>",
    )


def _button(user: FakeUser) -> str:
    groups = ", ".join(user.groups) or "no groups"
    facts = f"{user.note} · {groups}" if user.note else groups
    initials = "".join(word[0] for word in user.name.split()[:2]).upper() or "?"
    return (
        f'<button type="submit" name="user" value="{escape(user.subject)}">'
        f'<span class="face" aria-hidden="true">{escape(initials)}</span>'
        f'<span class="name">{escape(user.name)}</span><span class="facts">{escape(facts)}</span></button>'
    )


def note_page(title: str, text: str) -> str:
    """A heading and a sentence."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")
