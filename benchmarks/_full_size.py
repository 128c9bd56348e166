"""Makes checkpoints of the published sizes with random weights, an array at a time.

Names, shapes and configuration come from the recorded trees of the originals. Run as a program it writes one
checkpoint: `python -m benchmarks._full_size KIND TREE FOLDER`.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgpack  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from export.checkpoints.clip_resnet import empty_resnet, published_shapes
from export.models.clip_resnet import ClipResnetConfig
from tests.export import importable

Array = npt.NDArray[Any]
SPREAD = 0.02
VISION = ("vision_model/vision_model/", "visual_projection/")


def values(name: str, shape: Sequence[int], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw an array: scales of norms about 1, everything else about 0."""
    array = random.standard_normal(tuple(shape), np.float32)
    array *= SPREAD
    leaf = name.replace("/", ".").rsplit(".", 1)[-1]
    is_norm = any(part in name.lower() for part in ("ln_", "norm", "bn", "downsample.1"))
    return np.asarray(
        array + 1 if leaf == "running_var" or (leaf in ("scale", "weight") and is_norm) else array
    )


def write_msgpack(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """Write random arrays of these paths and shapes as Flax does, without holding more than one."""
    tree: dict[str, Any] = {}
    for name, shape in shapes.items():
        *owners, leaf = name.split("/")
        branch = tree
        for owner in owners:
            branch = branch.setdefault(owner, {})
        branch[leaf] = tuple(shape)
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        _pack(file, tree, "", random)


def _pack(file: BinaryIO, tree: Mapping[str, Any], prefix: str, random: np.random.Generator) -> None:
    packer = msgpack.Packer()
    file.write(packer.pack_map_header(len(tree)))
    for name, below in tree.items():
        file.write(packer.pack(name))
        if isinstance(below, dict):
            _pack(file, below, f"{prefix}{name}/", random)
            continue
        array = values(prefix + name, below, random)
        content = msgpack.packb((below, "float32", array.tobytes()))
        file.write(packer.pack_ext_type(1, content))


def write_torch(path: Path, tree: Sequence[Mapping[str, Any]]) -> None:
    """Write random tensors of a recorded state dict; those that are tied share their values."""
    skeleton = {}
    for leaf in tree:
        skeleton[leaf["key"]] = np.broadcast_to(np.zeros((), leaf["dtype"]), leaf["shape"])
    rows = {leaf["key"]: row for row, leaf in enumerate(tree)}
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        archive.writestr("model/data.pkl", importable.torch_pickle(skeleton))
        for leaf in tree:
            if "tied_to" in leaf:
                random_again = np.random.default_rng(rows[leaf["tied_to"]])
                array: Array = values(leaf["tied_to"], leaf["shape"], random_again)
            elif leaf["parameter"]:
                array = values(leaf["key"], leaf["shape"], np.random.default_rng(rows[leaf["key"]]))
            else:
                array = np.ones(leaf["shape"], leaf["dtype"])
            with archive.open(f"model/data/{rows[leaf['key']]}", "w", force_zip64=True) as file:
                file.write(array.tobytes())


def _hybrid(tree: Path, folder: Path) -> None:
    shapes = {leaf["path"]: leaf["shape"] for leaf in json.loads(tree.read_text())}
    shutil.copyfile(tree.with_name("config_full.json"), folder / "config.json")
    write_msgpack(folder / "flax_model.msgpack", shapes)
    importable.byte_pairs(folder)


def _clip(tree: Path, folder: Path) -> None:
    """Write CLIP's vision tower alone, of the same size as that of the Hybrid CLIP."""
    shapes = dict(_vision_shapes(tree))
    whole = json.loads(tree.with_name("config_full.json").read_text())
    config = {
        **whole["vision_config"],
        "model_type": "clip_vision_model",
        "projection_dim": whole["projection_dim"],
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_msgpack(folder / "flax_model.msgpack", shapes)


def _vision_shapes(tree: Path) -> Iterator[tuple[str, Sequence[int]]]:
    for leaf in json.loads(tree.read_text()):
        if leaf["path"].startswith(VISION):
            yield leaf["path"].replace("vision_model/vision_model/", "vision_model/"), leaf["shape"]


def _clip_resnet(folder: Path) -> None:
    """Write the picture side of RN50x4 under OpenAI's names."""
    shapes = published_shapes(empty_resnet(ClipResnetConfig()))
    leaves = [{"key": n, "shape": s, "dtype": "float32", "parameter": True} for n, s in shapes.items()]
    write_torch(folder / "clip.pt", leaves)


def _clipcap(tree: Path, folder: Path) -> None:
    write_torch(folder / "weights.pt", json.loads(tree.read_text())["state_dict"])
    importable.byte_pairs(folder, ["<|endoftext|>"])


def main(kind: str, tree: Path, folder: Path) -> None:
    """Write one checkpoint."""
    folder.mkdir(parents=True)
    if kind == "hybrid":
        _hybrid(tree, folder)
    elif kind == "clip-vit":
        _clip(tree, folder)
    elif kind == "clip-resnet":
        _clip_resnet(folder)
    else:
        _clipcap(tree, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
