"""Runs a bundle that is being written over annotated messages and the GIFs of a pack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from export.data.reactions import read_labelled
from export.importing.categories import named_anchors
from export.importing.reaction import Draft
from export.importing.tower import PictureReader, Step, words_of
from export.importing.tune import Evidence, choose_messages
from inference.pack import read_pack

Floats = npt.NDArray[np.float32]


def gather(draft: Draft, folder: Path, pack: Path, limit: int, console: Console) -> tuple[Evidence, Floats]:
    """Embed at most `limit` annotated messages and all GIFs of a pack; bars show how far it is.

    Returns:
        The evidence, and the anchors (categories, dim) float32 that words alone make.

    Raises:
        ReparteeError: messages or pack cannot be read.
    """
    messages = choose_messages(read_labelled(folder), limit)
    gifs = read_pack(pack).gifs
    reader = draft.reader()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:

        def step(title: str) -> Step:
            task = bar.add_task(title, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        named = named_anchors(draft.categories, reader)
        texts = reader([message.text for message in messages], step("messages"))
        words = reader(words_of(gifs), step("words of the GIFs"))
        pictures = PictureReader(draft.folder, draft.image)([pack / gif.file for gif in gifs], step("GIFs"))
    return Evidence(messages, texts, gifs, pictures, words), named
