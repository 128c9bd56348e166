"""Opens a captioner so that what does not work fails there, and not at somebody's picture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import BundleError

if TYPE_CHECKING:
    from inference.captioner import Captioner

EDGE = 32  # pixels of the picture that is tried
NOT_RUNNING = (
    "The captioner {name} does not run ({reason}): import it again, or name another folder in "
    "REPARTEE_CAPTIONER or with --bundle."
)


def open_captioner(folder: Path, *, threads: int = 1) -> Captioner:
    """Open a captioner and have it make a whole caption.

    Raises:
        BundleError: it cannot be used; says why.
        ImportError: a library is missing.
    """
    from PIL import Image

    from inference.captioner import Captioner  # brings libraries that may not be there

    captioner = Captioner.open(folder, threads=threads)
    with running(f"in {folder}"):
        # What memory it needs now, it needs for good, and is not taken from that for files.
        captioner.describe([Image.new("RGB", (EDGE, EDGE))])
    return captioner


@contextlib.contextmanager
def running(name: str) -> Iterator[None]:
    """Turn whatever a captioner raises at a run into a sentence.

    Raises:
        BundleError: it raised something.
    """
    try:
        yield
    except Exception as error:  # onnxruntime's classes share no public root
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise BundleError(NOT_RUNNING.format(name=name, reason=reason)) from error
