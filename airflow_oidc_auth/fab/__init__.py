"""What keeps FAB's users and roles in step with sign-ins; only the FAB auth manager uses it.

Owns how ``webserver_config.py`` becomes the document (:mod:`.webserver_config`, :mod:`.fab_document`), which FAB user
an identity is (:mod:`.links`), what a sign-in writes into FAB's tables (:mod:`.accounts`), and what FAB's tables say
about a person now (:mod:`.directory`). Must not know protocols or HTTP. FAB itself is the extra ``[fab]``: the native
auth manager must work without it, so nothing that it imports may import this package's database modules.
"""
