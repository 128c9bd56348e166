"""Where a checkpoint comes from: a folder or file here, or a repository of Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from export.checkpoints.errors import CheckpointError
from export.huggingface import fetch, is_repository

TIMM = "timm/"
OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""A whole CLIP; timm's repositories have the tower alone beside it, under names of timm."""

WEIGHTS = ("flax_model.msgpack", "model.safetensors", "pytorch_model.bin", *OPEN_CLIP)
"""The usual names of weights, best first: Flax's own file needs no renaming, safetensors no unpickling."""

SUFFIXES = (".msgpack", ".safetensors", ".bin", ".pt", ".pth")
CONFIG = "config.json"
TOKENIZERS = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer_config.json")

NEEDS_MODEL = (
    "config.json, the weights (flax_model.msgpack, model.safetensors or pytorch_model.bin) and the tokenizer "
    "(tokenizer.json, or vocab.json with merges.txt)"
)
NEEDS_WEIGHTS = "the weights (flax_model.msgpack, model.safetensors, pytorch_model.bin or a .pt)"
NEEDS_VISION = "config.json and the weights (model.safetensors, pytorch_model.bin or flax_model.msgpack)"
NEEDS_TOKENIZER = "the tokenizer (tokenizer.json, or vocab.json with merges.txt)"


class Source(NamedTuple):
    """Files of a checkpoint on this machine.

    Attributes:
        folder: has all of them.
        name: what people call it.
        revision: the commit of a repository, empty for a folder.
        weights: the file of weights that was named itself, if one was.
    """

    folder: Path
    name: str
    revision: str = ""
    weights: Path | None = None

    @property
    def label(self) -> str:
        """Name and commit, as the description of a bundle keeps them."""
        return f"{self.name}@{self.revision}" if self.revision else self.name


def open_source(source: str, *, needed: str, revision: str | None = None, weights: bool = True) -> Source:
    """Find a source, and fetch its files where they are in a repository.

    Args:
        source: path of a folder or of a file of weights, else the id of a repository, as "owner/model".
        needed: its files in words, for people without a network.
        revision: commit, branch or tag of a repository; None for its newest commit.
        weights: whether weights are wanted, or the tokenizer alone.

    Raises:
        CheckpointError: there is no such folder or file, and the text is no id.
        DownloadError: the repository cannot be fetched.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return Source(path.parent, path.name, weights=path)
    if path.is_dir():
        return Source(path, path.resolve().name)
    if not is_repository(source):
        raise CheckpointError(
            f"{source} is neither a folder nor a file here, nor the id of a Hugging Face repository, "
            "such as owner/model"
        )

    wanted = OPEN_CLIP if weights and source.startswith(TIMM) else ()

    def choose(files: Sequence[str]) -> list[str]:
        usual = [name for name in wanted if name in files][:1] or choose_weights(files)
        return [*(usual if weights else []), *(f for f in (CONFIG, *TOKENIZERS) if f in files)]

    found = fetch(source, choose, needed=wanted[0] if wanted else needed, revision=revision)
    named = next((found.folder / name for name in wanted if (found.folder / name).is_file()), None)
    return Source(found.folder, source, found.commit, named)


def choose_weights(files: Sequence[str]) -> list[str]:
    """Pick the file of weights: the best of the usual names, else the only file that looks like one."""
    usual = [name for name in WEIGHTS if name in files]
    others = [name for name in files if name.endswith(SUFFIXES) and "/" not in name]
    return usual[:1] or (others if len(others) == 1 else [])


def weights_file(source: Source) -> Path:
    """Return the file of weights of a source.

    Raises:
        CheckpointError: none or several could be meant.
    """
    if source.weights is not None:
        return source.weights
    files = sorted(path.name for path in source.folder.iterdir() if path.is_file())
    if chosen := choose_weights(files):
        return source.folder / chosen[0]
    several = [name for name in files if name.endswith(SUFFIXES)]
    if several:
        raise CheckpointError(
            f"{source.folder} has several files of weights ({', '.join(several)}): give the path of one"
        )
    raise CheckpointError(f"{source.folder} has no weights: bring {NEEDS_WEIGHTS}")
