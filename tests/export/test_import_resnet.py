"""CLIP's ResNet against its formulas in plain numpy, which don't fold the norms and know no Flax."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from flax import nnx
from safetensors.numpy import save_file

from export.checkpoints.clip_resnet import empty_resnet, published_shapes
from export.importing.captioner import write_picture_side
from export.importing.clip_vision import ClipImage, load_clip_image
from export.importing.fit import MisfitError
from export.importing.sources import open_source
from export.importing.tower import open_graph
from export.models.clip_resnet import ClipResnetConfig

Array = npt.NDArray[Any]
State = dict[str, Array]
CONFIG = ClipResnetConfig(blocks=(1, 2, 1, 1), width=4, output_dim=6, image_size=64)


def state() -> State:
    """Return random arrays under OpenAI's names, with what else such a file holds."""
    random = np.random.default_rng(0)
    arrays: State = {}
    for name, shape in published_shapes(empty_resnet(CONFIG)).items():
        spread = 1.5 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        array = random.normal(0, spread, shape).astype(np.float32)
        is_scale = name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight"))
        arrays[name] = np.abs(array + 1) if is_scale else array
    arrays["visual.bn1.num_batches_tracked"] = np.array([7], np.int64)
    arrays["logit_scale"] = np.zeros(1, np.float32)
    arrays["transformer.resblocks.0.attn.in_proj_bias"] = np.zeros(3, np.float32)
    return arrays


class Reference:
    """The picture side as OpenAI's source describes it, channels first, one picture."""

    def __init__(self, arrays: State) -> None:
        self.arrays = {
            name.removeprefix("visual."): array.astype(np.float64) for name, array in arrays.items()
        }

    def convolve(self, x: Array, name: str, stride: int = 1) -> Array:
        kernel = self.arrays[f"{name}.weight"]
        edge = kernel.shape[-1] // 2
        padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))
        return np.asarray(np.einsum("chwij,ocij->ohw", windows[:, ::stride, ::stride], kernel))

    def norm(self, x: Array, name: str) -> Array:
        scale, bias, mean, variance = (
            self.arrays[f"{name}.{part}"][:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + bias

    def pool(self, x: Array, stride: int) -> Array:
        channels, height, width = x.shape
        pooled: Array = x.reshape(channels, height // stride, stride, width // stride, stride).mean((2, 4))
        return pooled

    def block(self, x: Array, name: str, stride: int) -> Array:
        inner = np.maximum(self.norm(self.convolve(x, f"{name}.conv1"), f"{name}.bn1"), 0)
        inner = np.maximum(self.norm(self.convolve(inner, f"{name}.conv2"), f"{name}.bn2"), 0)
        inner = self.norm(self.convolve(self.pool(inner, stride), f"{name}.conv3"), f"{name}.bn3")
        if f"{name}.downsample.0.weight" in self.arrays:
            kept = self.convolve(self.pool(x, stride), f"{name}.downsample.0")
            x = self.norm(kept, f"{name}.downsample.1")
        total: Array = np.maximum(inner + x, 0)
        return total

    def attend(self, x: Array) -> Array:
        rows = x.reshape(len(x), -1).T
        rows = (
            np.concatenate([rows.mean(0, keepdims=True), rows]) + self.arrays["attnpool.positional_embedding"]
        )
        query, key, value = (self.project(rows, name) for name in ("q_proj", "k_proj", "v_proj"))
        mixed = []
        for start in range(0, rows.shape[1], 64):
            part = slice(start, start + 64)
            scores = key[:, part] @ query[0, part] / 8
            weights = np.exp(scores - scores.max())
            mixed.append(weights / weights.sum() @ value[:, part])
        return self.project(np.concatenate(mixed), "c_proj")

    def project(self, rows: Array, name: str) -> Array:
        return rows @ self.arrays[f"attnpool.{name}.weight"].T + self.arrays[f"attnpool.{name}.bias"]

    def __call__(self, picture: Array) -> Array:
        x = picture.transpose(2, 0, 1).astype(np.float64)
        for number, stride in ((1, 2), (2, 1), (3, 1)):
            x = np.maximum(self.norm(self.convolve(x, f"conv{number}", stride), f"bn{number}"), 0)
        x = self.pool(x, 2)
        for stage, count in enumerate(CONFIG.blocks, 1):
            for number in range(count):
                x = self.block(x, f"layer{stage}.{number}", 2 if stage > 1 and number == 0 else 1)
        return self.attend(x)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clip")
    save_file(state(), made / "open_clip_model.safetensors")
    return made


@pytest.fixture(scope="module")
def image(folder: Path) -> ClipImage:
    return load_clip_image(open_source(str(folder), needed=""), width=6)


def pictures() -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(2, 2, 64, 64, 3)).astype(np.float32)


def test_it_computes_what_openai_describes(image: ClipImage) -> None:
    found = np.asarray(nnx.jit(ClipImage.__call__)(image, jnp.asarray(pictures())))
    reference = Reference(state())
    wanted = np.array([np.mean([reference(frame) for frame in each], axis=0) for each in pictures()])
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)
    assert image.image_size == 64


def test_its_graph_gives_the_same_at_length_one(image: ClipImage, tmp_path: Path) -> None:
    scores = write_picture_side(image, tmp_path, "float32", True, lambda line: None)
    assert scores["fp32_max_difference"] < 1e-5
    found = open_graph(tmp_path / "image.onnx").run(["prefix"], {"pixel_values": pictures()})[0]
    wanted = np.asarray(nnx.jit(ClipImage.normalised)(image, jnp.asarray(pictures())))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    arrays = state()
    del arrays["visual.layer2.1.bn2.running_mean"]
    save_file(arrays, tmp_path / "model.safetensors")
    with pytest.raises(MisfitError) as caught:
        load_clip_image(open_source(str(tmp_path), needed=""), width=6)
    assert "  visual.layer2.1.bn2.running_mean (8,)" in caught.value.lines
