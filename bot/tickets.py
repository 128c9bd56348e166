"""Signed names of previews, which go around as ids of buttons: nobody can make one up."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from bot.errors import ExpiredError

NAME_BYTES = 12
SEAL_LETTERS = 16
PURPOSE = b"repartee previews 1"


class Tickets:
    """Makes and checks tickets with a key that all processes of one bot derive from its token."""

    def __init__(self, token: str) -> None:
        self._key = hmac.digest(token.encode(), PURPOSE, hashlib.sha256)

    def issue(self) -> str:
        """Return a new ticket of 32 letters."""
        return self._sealed(secrets.token_urlsafe(NAME_BYTES))

    def check(self, ticket: str) -> None:
        """Refuse what was not issued here.

        Raises:
            ExpiredError: it was issued under another token, or by somebody else.
        """
        if not hmac.compare_digest(self._sealed(ticket[:-SEAL_LETTERS]).encode(), ticket.encode()):
            raise ExpiredError

    def _sealed(self, name: str) -> str:
        seal = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:SEAL_LETTERS]
        return name + seal
