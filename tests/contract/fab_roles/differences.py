"""Where a role deliberately answers otherwise than FAB's role of that name, and the decision that says so."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

NOT_ADMIN = ("Op", "User", "Viewer", "Public")
ADMIN = ("Admin",)
EVERYBODY = (*ADMIN, *NOT_ADMIN)
CUSTOM = ("custom",)
MAY_NOT_ALWAYS_READ = ("User", "Viewer", "Public", *CUSTOM)


@dataclass(frozen=True)
class Difference:
    """One deliberate difference.

    :param document: number of the file in docs/decisions
    :param roles: names; "custom" is any role that is not built in
    :param questions: shell pattern over the questions of questions.py
    :param fab: FAB's answer
    :param ours: our answer
    """

    document: str
    roles: tuple[str, ...]
    questions: str
    fab: str
    ours: str

    def covers(self, role: str, question: str, fab: str, ours: str) -> bool:
        same = (self.fab, self.ours) == (fab, ours)
        return same and role.partition("-")[0] in self.roles and fnmatchcase(question, self.questions)


UNKNOWN_IS_DENIED = [
    Difference("0011", (*NOT_ADMIN, *CUSTOM), questions, "raises", ours)
    for questions, ours in (
        ("configuration LOOK *", "no"),
        ("connection LOOK *", "no"),
        ("asset LOOK *", "no"),
        ("asset_alias LOOK *", "no"),
        ("pool LOOK *", "no"),
        ("variable LOOK *", "no"),
        ("dag LOOK *", "no"),
        ("dag * SHADOW *", "no"),
        ("view *", "no"),
        ("batch * LOOK", "no"),
        ("batch * LOOK *", "no"),
        ("filter connections LOOK two", "nothing"),
        ("filter dag_ids LOOK two", "nothing"),
        ("filter pools LOOK two", "nothing"),
        ("filter variables LOOK two", "nothing"),
        ("list dag_ids LOOK", "nothing"),
        ("list dag_ids LOOK is a set", "yes"),
    )
]
ADMIN_MAY_EVERYTHING = [
    Difference("0011", ADMIN, questions, fab, ours)
    for questions, fab, ours in (
        ("configuration *", "no", "yes"),
        ("configuration LOOK *", "raises", "yes"),
        ("connection LOOK *", "raises", "yes"),
        ("asset LOOK *", "raises", "yes"),
        ("asset_alias *", "no", "yes"),
        ("asset_alias LOOK *", "raises", "yes"),
        ("pool LOOK *", "raises", "yes"),
        ("variable LOOK *", "raises", "yes"),
        ("dag *", "no", "yes"),
        ("dag *", "raises", "yes"),
        ("view *", "raises", "yes"),
        ("custom *", "no", "yes"),
        ("menu CRYSTAL_BALL", "no", "yes"),
        ("batch dag *", "no", "yes"),
        ("batch *", "raises", "yes"),
        ("filter dag_ids *", "nothing", "a,b"),
        ("filter connections LOOK two", "raises", "a,b"),
        ("filter dag_ids LOOK two", "raises", "a,b"),
        ("filter pools LOOK two", "raises", "a,b"),
        ("filter variables LOOK two", "raises", "a,b"),
        ("list dag_ids *", "nothing", "d1,d2"),
        ("list dag_ids LOOK", "raises", "d1,d2"),
        ("list dag_ids LOOK is a set", "raises", "yes"),
    )
]
LISTS_OBEY_THE_METHOD = [
    Difference("0012", MAY_NOT_ALWAYS_READ, "list connections *", "c1,c2", "nothing"),
    Difference("0012", MAY_NOT_ALWAYS_READ, "list variables *", "v1,v2", "nothing"),
    Difference("0012", MAY_NOT_ALWAYS_READ, "list pools *", "default_pool,p1", "nothing"),
    Difference("0012", MAY_NOT_ALWAYS_READ, "list assets *", "1", "nothing"),
    Difference("0012", ("Op",), "list connections LOOK", "c1,c2", "nothing"),
    Difference("0012", ("Op",), "list variables LOOK", "v1,v2", "nothing"),
    Difference("0012", ("Op",), "list pools LOOK", "default_pool,p1", "nothing"),
    Difference("0012", ("Op",), "list assets LOOK", "1", "nothing"),
]
TEAMS_ARE_ANSWERED = [
    Difference("0013", (*NOT_ADMIN, *CUSTOM), "team GET *", "raises", "no"),
    Difference("0013", ADMIN, "team GET blue", "raises", "yes"),
    Difference("0013", ADMIN, "team GET unnamed", "raises", "no"),
    Difference("0013", (*NOT_ADMIN, *CUSTOM), "filter teams * two", "raises", "nothing"),
    Difference("0013", ADMIN, "filter teams * two", "raises", "a,b"),
    Difference("0013", (*NOT_ADMIN, *CUSTOM), "list teams *", "raises", "nothing"),
    Difference("0013", ADMIN, "list teams *", "raises", "blue"),
    Difference("0013", (*EVERYBODY, *CUSTOM), "list teams * is a set", "raises", "yes"),
]
UNKNOWN_MENU_ITEMS_ARE_HIDDEN = [
    Difference("0011", CUSTOM, "menu CRYSTAL_BALL", "yes", "no"),
]
PREFIXED_IDS_ARE_NO_DAGS = [
    Difference("0015", CUSTOM, "dag * DAG:d1", "yes", "no"),
]

DIFFERENCES = (
    *UNKNOWN_IS_DENIED,
    *ADMIN_MAY_EVERYTHING,
    *LISTS_OBEY_THE_METHOD,
    *TEAMS_ARE_ANSWERED,
    *UNKNOWN_MENU_ITEMS_ARE_HIDDEN,
    *PREFIXED_IDS_ARE_NO_DAGS,
)
