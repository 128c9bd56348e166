"""RoBERTa's encoder (Liu et al., 2019): BERT's layers with its own vocabulary and position convention."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from export.models.bert import Bert, BertConfig


@dataclass(frozen=True)
class RobertaConfig(BertConfig):
    """Sizes and rates of a RoBERTa encoder; a file that leaves them out means the defaults of 2021."""

    pad_token_id: int = 1


def offset_position_ids(input_ids: jax.Array, pad_token_id: int) -> jax.Array:
    """Number real tokens from ``pad_token_id + 1``, padding gets ``pad_token_id``: RoBERTa's own way.

    Args:
        input_ids: (batch, tokens) int32.
        pad_token_id: the id that fills up short rows.

    Returns:
        (batch, tokens) int32.
    """
    is_token = (input_ids != pad_token_id).astype(jnp.int32)
    return jnp.cumsum(is_token, axis=1) * is_token + pad_token_id


class Roberta(Bert):
    """The encoder as a tower of Hybrid CLIP.

    Where no positions are given it counts 0, 1, 2, ... like BERT: so Hybrid CLIP was trained, and its
    checkpoints need it. Pass `offset_position_ids` for a tower that was trained the RoBERTa way.
    """
