"""A text training without a teacher: annotated messages alone, their labels standing in for its opinions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.data.reactions import soft_targets
from export.recipes.house_text import HouseText
from export.teacher_stage import Opinions
from export.text_messages import Messages


def annotated_only(messages: Messages) -> Messages:
    """Return the messages without those that only a teacher could label."""
    return replace(messages, rows=messages.rows[: messages.annotated])


def label_opinions(messages: Messages, recipe: HouseText) -> Opinions:
    """Return the annotators' word in the form of a teacher's opinions, with the same fold held out.

    Messages that may only be held have no category; their even distribution says nothing.
    """
    category, weight = soft_targets(messages.rows, messages.categories, great=recipe.great, ok=recipe.ok)
    category[weight == 0] = 1 / len(messages.categories)
    hold = np.asarray([bool(message.hold) for message in messages.rows], np.float32)
    return Opinions(np.asarray([message.id for message in messages.rows]), category, hold, messages.fold)
