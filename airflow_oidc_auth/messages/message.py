"""The shape of one entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """What people see for one stable code.

    :param title: page heading, a few words
    :param text: public sentence; never names internals
    :param hint: what to do next, naming the setting or the person to ask
    :param status: HTTP status
    :param actor: who must act: ``user``, ``admin``, ``idp`` or ``nobody``
    """

    title: str
    text: str
    hint: str
    status: int = 400
    actor: str = "admin"
