"""A process that takes in one file after the other with little memory, and may die of it."""

from __future__ import annotations

import io
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path

from inference.errors import RefusedError
from inference.ingest._bounds import bound_memory
from inference.ingest._clip import open_clip
from inference.ingest._encode import encode_gif
from inference.ingest._scan import scan
from inference.ingest._submission import Options

Result = tuple[str, float, float]  # what became of it, ms, peak memory in units of 1e6 bytes


def serve(line: Connection, memory_bytes: int) -> None:
    """Take in each path that comes and say what became of it, until none comes."""
    import av  # noqa: F401  # loaded before memory is bound
    from PIL import Image

    Image.init()
    bound_memory(memory_bytes)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while path := line.recv():
        started = time.perf_counter()
        outcome = _outcome(Path(path))
        ms = (time.perf_counter() - started) * 1e3
        line.send((outcome, ms, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6))


def _outcome(path: Path) -> str:
    from PIL import Image

    options = Options()
    try:
        clip = open_clip(path, options.limits)
        scan(clip)
        data = encode_gif(clip, path, budget_bytes=options.budget_bytes, max_edge=options.max_edge)
        with Image.open(io.BytesIO(data), formats=["gif"]) as image:
            image.seek(getattr(image, "n_frames", 1) - 1)
            image.load()
    except RefusedError as error:
        return error.code
    except Exception as error:  # the very thing that is looked for
        return f"crash: {type(error).__name__}: {error}"
    return "added"
