"""Can drawings find the GIF of the same emoji? The question that judges the vision tower."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.space import CATEGORY_DIM, unit
from export.vision_data import GifFrames
from export.vision_eval import Embed, embed_all, recall

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
AT = (1, 10)


@dataclass(frozen=True)
class Gallery:
    """The GIFs of a pack, to be found by drawings; composed GIFs have no drawing and only distract.

    Attributes:
        gifs: With their evenly picked frames.
        size: Edge in pixels that the tower reads.
    """

    gifs: tuple[GifFrames, ...]
    size: int

    def vectors(self, embed: Embed, *, first_only: bool = False) -> Floats:
        """Return the image vectors of the GIFs, (gifs, 256) float32, unit norm.

        Args:
            embed: From normalised pixels to vectors of any length.
            first_only: Look at the first frame alone instead of all that were picked.
        """
        chosen = [item.frames[:1] if first_only else item.frames for item in self.gifs]
        rows = embed_all(embed, [frame for frames in chosen for frame in frames], self.size)
        # Averaging after the linear projection equals averaging before it.
        return unit(rows.reshape(len(self.gifs), -1, rows.shape[1]).mean(1))

    def scores(self, embed: Embed, drawings: Mapping[str, Pixels], vectors: Floats) -> dict[str, float]:
        """Return the recalls of a style's drawings among the GIFs, by all axes and by the identity alone.

        Args:
            embed: From normalised pixels to vectors of any length.
            drawings: By code point; those of emoji outside the pack are not asked for.
            vectors: Of the GIFs, in their order.
        """
        codes = [item.code_point for item in self.gifs]
        asked = [code for code in dict.fromkeys(codes) if code in drawings]
        queries = unit(embed_all(embed, [drawings[code] for code in asked], self.size))
        whole = recall(queries, asked, vectors, codes, AT)
        seen, wanted = unit(vectors[:, CATEGORY_DIM:]), unit(queries[:, CATEGORY_DIM:])
        identity = recall(wanted, asked, seen, codes, AT)
        return whole | {f"identity_{name}": value for name, value in identity.items()}
