"""The contrastive loss of Hybrid CLIP, and which pairs it must not push apart."""

import jax
import jax.numpy as jnp

IGNORED_LOGIT = -1e9


def cross_entropy(logits: jax.Array, axis: int) -> jax.Array:
    """Return the mean cross-entropy of the diagonal of (n, n) logits among the entries along an axis."""
    log_probabilities = jax.nn.log_softmax(logits, axis=axis)
    return -jnp.mean(jnp.diagonal(log_probabilities))


def contrastive_loss(logits: jax.Array, ignored: jax.Array | None = None) -> jax.Array:
    """Return the symmetric contrastive loss (Radford et al., 2021) as a float32 scalar.

    Args:
        logits: (n, n) float32, scaled similarities; pair i is row i and column i.
        ignored: (n, n) bool, pairs that do not count as negatives; the diagonal is never ignored.
    """
    if ignored is not None:
        off_diagonal = ~jnp.eye(logits.shape[0], dtype=bool)
        logits = jnp.where(ignored & off_diagonal, IGNORED_LOGIT, logits)
    return (cross_entropy(logits, 0) + cross_entropy(logits, 1)) / 2


def same_group(*groups: jax.Array) -> jax.Array:
    """Return which pairs agree in any of the groupings, to be ignored as negatives.

    Args:
        groups: each (n,) int, for example the GIF and the category of each pair; a negative number means
            that the pair belongs to no group of this kind.

    Returns:
        (n, n) bool, symmetric.

    Raises:
        ValueError: no grouping was given.
    """
    if not groups:
        raise ValueError("same_group needs at least one grouping")
    same = jnp.zeros((groups[0].shape[0],) * 2, bool)
    for group in groups:
        same |= (group[:, None] == group[None, :]) & (group[:, None] >= 0)
    return same
