"""The servers and workspaces that own GIFs belong to, as people write them."""

from __future__ import annotations

import re

from inference.errors import MessageError

BAD_SCOPE = (
    '"{said}" is no server or workspace: write discord:GUILD or slack:TEAM with its id, '
    "or leave --scope out for everybody."
)


def read_scope(said: str) -> str:
    """Check a scope.

    Raises:
        MessageError: nobody would ever see what is put there.
    """
    scope = said.strip()
    if scope and not re.fullmatch(r"(discord|slack):[A-Za-z0-9]+", scope):
        raise MessageError(BAD_SCOPE.format(said=said))
    return scope
