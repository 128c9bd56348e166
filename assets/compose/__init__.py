"""Composed reaction animations: what the animated emoji lack, put together from their pictures."""

from assets.compose.agreement import AGREEMENT
from assets.compose.banter import BANTER
from assets.compose.cheer import CHEER
from assets.compose.courtesy import COURTESY
from assets.compose.dancing import DANCING
from assets.compose.disdain import DISDAIN
from assets.compose.drama import DRAMA
from assets.compose.mischief import MISCHIEF
from assets.compose.moods import MOODS
from assets.compose.refusal import REFUSAL
from assets.compose.scene import Animation, Composition, Load
from assets.compose.spectacle import SPECTACLE
from assets.compose.triumph import TRIUMPH
from assets.compose.warmth import WARMTH
from assets.compose.weariness import WEARINESS
from assets.compose.wonder import WONDER

COMPOSITIONS: tuple[Composition, ...] = (
    *AGREEMENT,
    *REFUSAL,
    *BANTER,
    *MISCHIEF,
    *SPECTACLE,
    *DRAMA,
    *WARMTH,
    *COURTESY,
    *TRIUMPH,
    *CHEER,
    *WONDER,
    *WEARINESS,
    *DISDAIN,
    *DANCING,
    *MOODS,
)
"""Every composition; the order is that of the pack."""

__all__ = ["COMPOSITIONS", "Animation", "Composition", "Load"]
