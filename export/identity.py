"""What tells one run from another, so that none goes on with the checkpoint of a different one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any


def run_identity(recipe: Any, contents: Iterable[bytes], *, places: Collection[str]) -> str:
    """Return settings and a digest of all else that a training depends on, as JSON.

    Args:
        recipe: a dataclass of settings.
        contents: data and weights, or digests of them.
        places: settings that say only where something lies; the same files may lie elsewhere.
    """
    key = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents))
    settings = {name: value for name, value in asdict(recipe).items() if name not in places}
    return json.dumps([settings, key.hexdigest()])
