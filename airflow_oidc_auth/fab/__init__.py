"""What keeps FAB's users and roles in step with sign-ins; only the FAB auth manager uses it.

Owns how ``webserver_config.py`` becomes the document (:mod:`.webserver_config`, :mod:`.fab_document`), which FAB user
an identity is (:mod:`.links`), which links a migration proposes (:mod:`.proposals`), what a sign-in writes into FAB's
tables (:mod:`.accounts`), what they say about a person now (:mod:`.directory`), and what stands in for FAB's security
manager and its doors (:mod:`.security_manager`, :mod:`.visitor`; they alone know Flask). Must not know protocols or
FastAPI. FAB itself is the extra ``[fab]``: the native auth manager must work without it, so nothing that it imports may
import this package's database modules.
"""
