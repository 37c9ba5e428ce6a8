"""How long things may be, in characters; the columns are as wide."""

from __future__ import annotations

PRINCIPAL_ID_LENGTH = 24
SESSION_ID_LENGTH = 22
MAX_IDENTITY_LENGTH = 1024
MAX_NAME_LENGTH = 250
MAX_EMAIL_LENGTH = 320
MAX_SID_LENGTH = 255
MAX_ADDRESS_LENGTH = 64
MAX_KEY_LENGTH = 128
MAX_REASON_LENGTH = 64
