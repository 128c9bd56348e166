"""Files of one JSON object a line, as people and editors write them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator


def numbered_lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Give each line that is not blank with its number from 1; a byte-order mark at the start is dropped.

    The lines are not all held at once, which matters for manifests of large packs.
    """
    for number, line in enumerate(io.BytesIO(raw.removeprefix(codecs.BOM_UTF8)), start=1):
        if line.strip():
            yield number, line.removesuffix(b"\n")
