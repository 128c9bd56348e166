"""Does a caption help to guess the reaction of a GIF that comes without words?"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from export.data.drawings import drawings
from export.data.emoji import emoji_table
from export.data.styles import TEST_STYLE
from export.held_out import code_point_of
from inference.bundle import load_bundle
from inference.captioner import Captioner
from inference.encoders import ImageEncoder, TextEncoder
from inference.fusion import OWN_WEIGHTS, OwnEmbedder
from inference.pack import NAMELESS, PackGif, read_pack


def category_guesses(bundle: Path, pack: Path, captioner: Captioner) -> Mapping[str, float]:
    """Return the share of OpenMoji drawings whose first guessed category is one of the emoji's in the pack.

    Neither the vision towers nor the captioner have seen these drawings; the text tower has read the pack's
    names and tags.

    Args:
        bundle: of the model that guesses.
        pack: whose GIFs of emoji have categories given by hand.
        captioner: what describes the drawings.
    """
    opened = load_bundle(bundle)
    text, image = TextEncoder(opened), ImageEncoder(opened)
    embedder = OwnEmbedder(opened, text, image, OWN_WEIGHTS)
    drawn = drawings(TEST_STYLE, emoji_table())
    gifs = [gif for gif in read_pack(pack).gifs if code_point_of(gif) in drawn]
    rights: dict[str, list[bool]] = {"pixels": [], "pixels and caption": [], "caption": []}
    for gif in gifs:
        picture = Image.fromarray(drawn[code_point_of(gif)])
        caption = captioner.describe([picture])
        frames = [picture] * opened.spec.image.frames
        silent, spoken = (_without_words(gif, said) for said in ("", caption))
        for way, seen, entry in (
            ("pixels", frames, silent),
            ("pixels and caption", frames, spoken),
            ("caption", [], spoken),
        ):
            rights[way].append(embedder.categories(seen, entry)[0] in gif.categories)
    return {way: float(np.mean(found)) for way, found in rights.items()}


def _without_words(gif: PackGif, caption: str) -> PackGif:
    # As words in the picture, since the model does not read captions: for what this shows.
    return msgspec.structs.replace(gif, name=NAMELESS, tags=[], text=caption, categories=[])
