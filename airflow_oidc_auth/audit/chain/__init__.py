"""The tamper-evident chain: what makes a changed, removed or moved audit row show.

Owns how a row is sealed (:mod:`.row`), what a process remembers of its own rows (:mod:`.writer`), what is signed about
them (:mod:`.statement`, :mod:`.keys`), and how all of it is checked again (:mod:`.verify`). Must not know databases,
settings or the web: rows and statements are handed in and out.

seal (a sequence number, a salt, a link) → the row is written → every minute a signed statement lists the hashes of the
rows since the last one, as the signature blocks of RFC 5848 do → verify compares rows, statements and keys.
"""
