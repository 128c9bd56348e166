"""GIF's LZW compression, allowed to swap a pixel for a similar colour where that makes a longer match.

Pillow's encoder is exact, which makes smooth shading expensive; a swap that the eye does not see halves it.
The format: GIF89a specification, appendix F.
"""

from collections.abc import Sequence

_TABLE_SIZE = 4096


class _BitWriter:
    """Codes of growing width, lowest bit first."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._pending = 0
        self._count = 0

    def write(self, code: int, width: int) -> None:
        self._pending |= code << self._count
        self._count += width
        while self._count >= 8:
            self._done.append(self._pending & 255)
            self._pending >>= 8
            self._count -= 8

    def finish(self) -> bytes:
        if self._count:
            self._done.append(self._pending & 255)
        return bytes(self._done)


def compress(pixels: bytes, bits: int, similar: Sequence[Sequence[int]]) -> bytes:
    """Return the code stream of at least one pixel.

    Args:
        pixels: palette indexes below `1 << bits`.
        bits: the GIF's minimum code size, 2 to 8.
        similar: for each palette index the indexes that may stand in for it, best first; empty ones
            make the compression exact.
    """
    clear, end = 1 << bits, (1 << bits) + 1
    out, width, following = _BitWriter(), bits + 1, end + 1
    table: dict[int, int] = {}
    known = table.get
    out.write(clear, width)
    match = pixels[0]
    for pixel in pixels[1:]:
        longer = known(match << 8 | pixel)
        if longer is None:
            longer = _stand_in(table, match << 8, similar[pixel])
        if longer is not None:
            match = longer
            continue
        out.write(match, width)
        if following < _TABLE_SIZE:
            table[match << 8 | pixel] = following
            width += following == 1 << width
            following += 1
        else:
            out.write(clear, width)
            table.clear()
            width, following = bits + 1, end + 1
        match = pixel
    out.write(match, width)
    if following == 1 << width and width < 12:
        width += 1
    out.write(end, width)
    return out.finish()


def _stand_in(table: dict[int, int], prefix: int, similar: Sequence[int]) -> int | None:
    """Return the code of the known string that goes on with the first possible of the similar pixels."""
    for other in similar:
        code = table.get(prefix | other)
        if code is not None:
            return code
    return None


def blocks(stream: bytes) -> bytes:
    """Cut a code stream into GIF sub-blocks with the block that ends them."""
    parts = [stream[start : start + 255] for start in range(0, len(stream), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
