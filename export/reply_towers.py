"""What a training on replies starts from: two published towers joined to a Hybrid CLIP, or a plain CLIP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from tokenizers import Tokenizer

from export.checkpoints.errors import CheckpointError
from export.checkpoints.msgpack import empty_model
from export.checkpoints.paths import Parameter, parameters, published_parameters
from export.importing.clip_vision import load_clip_vit
from export.importing.fit import fill
from export.importing.hybrid import load_hybrid
from export.importing.plain_clip import is_plain_clip
from export.importing.sources import CONFIG, NEEDS_MODEL, NEEDS_VISION, Source, open_source, weights_file
from export.importing.tokenizer import read_tokenizer
from export.importing.weights import flax_arrays, read_weights
from export.models.bert import BertConfig
from export.models.clip_text import ClipTextConfig
from export.models.hybrid_clip import HybridCLIP
from export.models.hybrid_config import HybridCLIPConfig
from export.models.roberta import RobertaConfig
from export.models.vit import ViTConfig
from export.positions import with_image_size
from export.recipes.clip_reply import ClipReply
from inference.bundle import sha256_of

Array = npt.NDArray[Any]
Tell = Callable[[str], None]

WRAPPERS = ("roberta", "bert", "vit")
"""What a tower is called inside a model that was trained further, with heads of that training beside it."""

HEADS = ("classifier", "lm_head", "cls", "qa_outputs")
OLD_NAMES = {"gamma": "weight", "beta": "bias"}
"""What the first BERT files call the parts of a normalisation."""

STD = 0.02
"""Standard deviation of kernels that are made anew, as in the original."""

POOLER = "pooler/"
"""Many published files leave it out; it is made anew then."""

TEXT_TOWERS: Mapping[str, type[BertConfig]] = {"bert": BertConfig, "roberta": RobertaConfig}


class Start(NamedTuple):
    """A model that is to be trained, its tokenizer, where both came from, in words, and what it was made of.

    The last is a digest of the files of weights, which may lie elsewhere when a run goes on.
    """

    model: HybridCLIP
    tokenizer: Tokenizer
    origin: str
    weights: str

    @property
    def is_plain(self) -> bool:
        """Say whether both towers are CLIP's, so that it is saved as a plain CLIP."""
        return isinstance(self.model.config.text, ClipTextConfig)


def open_start(recipe: ClipReply, tell: Tell = print) -> Start:
    """Load what a recipe starts from, at the recipe's image size.

    Raises:
        CheckpointError: a source is missing, damaged or of another kind.
        DownloadError: a repository cannot be fetched.
        ConfigError: the vision tower cannot take pictures of that size.
    """
    if recipe.clip is not None:
        start = _plain(open_source(recipe.clip, needed=NEEDS_MODEL))
    else:
        text = open_source(recipe.text, needed=NEEDS_MODEL)
        start = join_towers(text, open_source(recipe.vision, needed=NEEDS_VISION), recipe.seed, tell)
    size = recipe.image_size or start.model.config.vision.image_size
    return start._replace(model=with_image_size(start.model, size))


def _plain(source: Source) -> Start:
    if not is_plain_clip(source.folder):
        raise CheckpointError(f"{source.label} is no plain CLIP (config.json with model_type clip)")
    model = _without_hold(load_hybrid(source))
    tokenizer = read_tokenizer(source.folder, vocabulary=model.config.text.vocab_size)
    ids = tokenizer.encode("a").ids
    if not ids or ids[-1] != max(tokenizer.get_vocab(with_added_tokens=True).values()):
        raise CheckpointError(
            f"The tokenizer of {source.label} does not end a text with its highest id, "
            "by which CLIP finds the end"
        )
    return Start(model, tokenizer, source.label, sha256_of(weights_file(source)))


def _without_hold(model: HybridCLIP) -> HybridCLIP:
    """Leave the head out that an import adds."""
    twin = empty_model(replace(model.config, hold_head=False))
    _take_parts(twin, model)
    return twin


def join_towers(text: Source, vision: Source, seed: int, tell: Tell = print) -> Start:
    """Join two towers as the original did: what neither has is drawn at random.

    That is the text projection, the temperature, the visual projection of a plain ViT, and a pooler that a
    file leaves out.
    """
    values = _values(text, NEEDS_MODEL)
    kind = str(values.get("model_type"))
    if kind not in TEXT_TOWERS:
        raise CheckpointError(
            f"{text.label} is a {kind!r}, the text tower must be one of {', '.join(TEXT_TOWERS)}; a CLIP "
            "with its own text tower is given with --clip"
        )
    config = TEXT_TOWERS[kind].from_dict(values)
    seen = _values(vision, NEEDS_VISION)
    if seen.get("model_type") == "vit":
        whole = empty_model(HybridCLIPConfig(config, ViTConfig.from_dict(seen)))
        _fill_tower(whole, "vision_model", vision, tell)
    else:
        side = load_clip_vit(vision)
        width = side.visual_projection.out_features
        whole = empty_model(HybridCLIPConfig(config, side.config, projection_dim=width))
        _take_parts(whole, side)
    _fill_tower(whole, "text_model", text, tell)
    _draw_rest(whole, seed)
    tokenizer = read_tokenizer(text.folder, vocabulary=config.vocab_size)
    weights = " ".join(sha256_of(weights_file(source)) for source in (text, vision))
    return Start(whole, tokenizer, f"{text.label} and {vision.label}", weights)


def _values(source: Source, needed: str) -> dict[str, Any]:
    path = source.folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{source.folder} has no {CONFIG}: bring {needed}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}.") from error
    return values if isinstance(values, dict) else {}


def _take_parts(model: HybridCLIP, other: nnx.Module) -> None:
    """Take what another model has under the same path."""
    found = dict(parameters(other))
    for path, parameter in parameters(model):
        if path in found:
            parameter.set_value(found[path].get_value())


def _draw_rest(model: HybridCLIP, seed: int) -> None:
    """Give values to what has none yet: normal kernels, biases of zero, the temperature's start."""
    random = np.random.default_rng(seed)
    for path, parameter in parameters(model):
        if isinstance(parameter.get_value(), jax.Array):
            continue
        values = (
            np.zeros(parameter.shape) if path.endswith("bias") else random.normal(0, STD, parameter.shape)
        )
        if path == "logit_scale":
            values = np.asarray(model.config.logit_scale_init_value)
        parameter.set_value(jnp.asarray(values, jnp.float32))


def _fill_tower(model: HybridCLIP, name: str, source: Source, tell: Tell) -> None:
    """Fill a tower of a model; a pooler that the file leaves out stays as it was drawn."""
    prefix = f"{name}/"
    own = {n.removeprefix(prefix): p for n, p in published_parameters(model).items() if n.startswith(prefix)}
    path = weights_file(source)
    arrays = flax_arrays(_bare(read_weights(path)), own)
    expected: dict[str, Parameter] = own
    if not any(found.startswith(POOLER) for found in arrays):
        expected = {n: p for n, p in own.items() if not n.startswith(POOLER)}
        tell(f"{source.label} has no pooler: it is learned from scratch.")
    fill(expected, arrays, source=str(path))


def _bare(arrays: MutableMapping[str, Array]) -> dict[str, Array]:
    """Take the tower's arrays out of a file, without the wrapper's name and without other heads."""
    names = {name: name.removeprefix("params/") for name in arrays}
    separator = "/" if any("/" in name for name in names.values()) else "."
    inside = [
        f"{w}{separator}" for w in WRAPPERS if any(n.startswith(f"{w}{separator}") for n in names.values())
    ]
    found: dict[str, Array] = {}
    for name, bare in names.items():
        array = arrays.pop(name)
        if inside and bare.startswith(inside[0]):
            bare = bare.removeprefix(inside[0])
        elif bare.split(separator)[0] in HEADS or inside:
            continue
        owner, dot, leaf = bare.rpartition(separator)
        found[f"{owner}{dot}{OLD_NAMES.get(leaf, leaf)}"] = array
    return found
