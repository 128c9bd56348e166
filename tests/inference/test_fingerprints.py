from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inference.errors import MessageError, PackError
from inference.fingerprints import (
    ALIKE_BITS,
    BYTES,
    MOMENTS,
    Bits,
    distances,
    fingerprint,
    fingerprint_file,
    is_alike,
    read_fingerprints,
)
from tests import tiny

Pictures = list[Image.Image]


def face(mouth: int, tilt: int, left_hand: int, size: int = 100) -> Pictures:
    """Draw a face on nothing that looks around, with two hands that rise from different heights."""
    pictures = []
    for step in range(24):
        picture = Image.new("RGBA", (size, size), (0, 0, 0, 0))
        draw, sway = ImageDraw.Draw(picture), step * tilt // 4
        draw.ellipse((5, 5, 95, 95), fill=(250, 200, 50, 255))
        for left in (25, 60):
            draw.ellipse((left + sway, 28, left + 14 + sway, 48), fill=(60, 40, 20, 255))
        draw.pieslice((25, 40, 75, 85), 0, 30 + mouth, fill=(120, 30, 30, 255))
        for side, height in ((0, left_hand), (76, 100 - left_hand)):
            draw.ellipse((side, height - step, side + 24, height - step + 24), fill=(240, 150, 30, 255))
        pictures.append(picture)
    return pictures


FACES = [face(60, 1, 80), face(150, 1, 50), face(330, 1, 30), face(60, -3, 50), face(150, 3, 40)]


def save(path: Path, pictures: Pictures, duration_ms: int | list[int] = 80, **options: Any) -> Path:
    options |= {"duration": duration_ms, "loop": 0}
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    return path


def on_white(picture: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    return ground.convert("RGB")


RECODINGS: dict[str, Callable[[Path, Pictures], Path]] = {
    "opaque": lambda p, frames: save(p / "a.gif", [on_white(frame) for frame in frames]),
    "few colours": lambda p, frames: save(p / "a.gif", [on_white(frame).quantize(16) for frame in frames]),
    "smaller": lambda p, frames: save(
        p / "a.gif", [on_white(f).resize((f.width * 3 // 5, f.height * 3 // 5)) for f in frames]
    ),
    "every second frame": lambda p, frames: save(p / "a.gif", frames[::2], 160, disposal=2),
    "WebP": lambda p, frames: save(p / "a.webp", frames, quality=50),
    "APNG": lambda p, frames: save(p / "a.png", frames),
}


def noise(count: int) -> Bits:
    return np.random.default_rng(1).integers(0, 256, (count, BYTES), np.uint8)


@pytest.mark.parametrize("kind", RECODINGS)
def test_a_gif_is_known_again_however_it_is_encoded(tmp_path: Path, kind: str) -> None:
    known = np.stack(
        [
            fingerprint_file(save(tmp_path / f"{number}.gif", frames, disposal=2))
            for number, frames in enumerate(FACES)
        ]
    )
    for row, frames in enumerate(FACES):
        recoded = RECODINGS[kind](tmp_path, frames)
        alike = is_alike(known, fingerprint_file(recoded)[None])
        assert np.flatnonzero(alike).tolist() == [row]


def test_a_pause_may_be_one_frame_or_many(tmp_path: Path) -> None:
    """Pillow, like most tools, joins frames that look the same, unless they differ a little."""
    moving = FACES[4]
    waiting = [moving[-1].copy() for _ in range(24)]
    for number, picture in enumerate(waiting):
        picture.putpixel((50, 20), (250, 200, 50 + number, 255))
    one = save(tmp_path / "one.png", moving, [80] * 23 + [80 * 25])
    many = save(tmp_path / "many.png", [*moving, *waiting])
    cut = save(tmp_path / "cut.png", moving)
    with Image.open(one) as short, Image.open(many) as long:
        assert getattr(short, "n_frames", 1) == 24
        assert getattr(long, "n_frames", 1) == 47
    assert is_alike(fingerprint_file(one)[None], fingerprint_file(many)[None])[0]
    assert not is_alike(fingerprint_file(cut)[None], fingerprint_file(many)[None])[0]


def test_pictures_are_compared_in_their_order() -> None:
    moments = FACES[4][::5]
    assert distances(fingerprint(moments)[None], fingerprint(moments[::-1])[None]) > ALIKE_BITS


def test_a_bit_is_a_step_to_the_brighter() -> None:
    ramp = np.repeat(np.arange(0, 256, 32, dtype=np.uint8), 8)  # eight cells, each brighter than the last
    rising = Image.fromarray(np.tile(ramp, (64, 1))).convert("RGBA")
    bits = np.unpackbits(fingerprint([rising] * MOMENTS))
    assert bits.sum() == MOMENTS * 8 * 7 * 3
    assert bits[: len(bits) // 2].all()
    assert not fingerprint([rising.transpose(Image.Transpose.FLIP_LEFT_RIGHT)] * MOMENTS).any()
    assert not fingerprint([Image.new("RGBA", (50, 30))] * MOMENTS).any()
    with pytest.raises(ValueError, match="4 pictures instead of 5"):
        fingerprint([rising] * 4)


def test_distances_are_those_of_pair_by_pair() -> None:
    some, others = noise(3), noise(8)[3:]
    expected = [[int(np.unpackbits(a ^ b).sum()) for b in others] for a in some]
    assert distances(some, others).tolist() == expected
    assert distances(others, some).tolist() == np.transpose(expected).tolist()
    assert distances(some, others[:0]).shape == (3, 0)
    assert distances(some[:0], others).shape == (0, 5)


@pytest.mark.parametrize(("flipped", "alike"), [(0, True), (ALIKE_BITS, True), (ALIKE_BITS + 1, False)])
def test_so_many_bits_may_differ(flipped: int, alike: bool) -> None:
    some = noise(3)
    mask = np.packbits(np.arange(BYTES * 8) < flipped)
    assert is_alike(some, (some[1] ^ mask)[None]).tolist() == [False, alike, False]
    assert is_alike(some, some[:0]).tolist() == [False] * 3


def test_fingerprints_are_read_as_they_are_written() -> None:
    some = noise(2)
    read = read_fingerprints([some[0].tobytes().hex(), "", some[1].tobytes().hex().upper()])
    np.testing.assert_array_equal(read, some)
    assert read_fingerprints([]).shape == (0, BYTES)


@pytest.mark.parametrize("text", ["x" * 2 * BYTES, "00", "0" * (2 * BYTES + 2), "0" * (2 * BYTES - 1), "é"])
def test_what_is_no_fingerprint_gets_a_sentence(text: str) -> None:
    with pytest.raises(MessageError, match="420 hexadecimal digits"):
        read_fingerprints(["", text])


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    with pytest.raises(PackError, match=r"a\.gif cannot be read"):
        fingerprint_file(tmp_path / "a.gif")


def test_no_two_gifs_of_the_tiny_pack_look_alike(tiny_pack: Path) -> None:
    looks = np.stack([fingerprint_file(tiny_pack / "gifs" / file) for file, *_ in tiny.GIFS])
    assert (distances(looks, looks) <= ALIKE_BITS).sum() == len(looks)
