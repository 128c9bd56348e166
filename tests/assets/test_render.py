"""Rendering and encoding of small synthetic animations: same bytes each time, true colours, clean edges."""

import io
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageSequence

from assets.encode import LADDER, Quality, encode, encode_within
from assets.lzw import blocks, compress
from assets.palette import distances, neighbours
from assets.render import SIZE, Clip, cut_edges, pick_frames, render

RED = (230, 40, 50)


def bouncing_ball(frames: int = 24) -> list[Image.Image]:
    """Return RGBA frames of a shaded red ball with soft edges that hops."""
    pictures = []
    for step in range(frames):
        top = 90 - abs(math.sin(math.pi * step / frames)) * 80
        picture = Image.new("RGBA", (512, 512))
        draw = ImageDraw.Draw(picture)
        for shade in range(38):
            inset = shade * 3
            colour = (RED[0] - 2 * shade, RED[1] + shade, RED[2] + shade, 255)
            box = (140 + inset, 2 * top + inset, 372 - inset, 2 * top + 232 - inset)
            draw.ellipse(box, fill=colour)
        pictures.append(picture.resize((256, 256), Image.Resampling.LANCZOS))
    return pictures


def decode(content: bytes) -> list[Image.Image]:
    with Image.open(io.BytesIO(content)) as picture:
        return [frame.convert("RGBA") for frame in ImageSequence.Iterator(picture)]


def test_the_same_animation_gives_the_same_file() -> None:
    one, other = (encode(render(bouncing_ball(), [42] * 24), LADDER[0]) for _ in range(2))
    assert one == other


def test_a_gif_shows_what_was_drawn() -> None:
    clip = render(bouncing_ball(), [42] * 24)
    shown = np.stack([np.asarray(frame) for frame in decode(encode(clip, Quality(128, 0)))])
    assert shown.shape == (24, SIZE, SIZE, 4)
    np.testing.assert_array_equal(shown[..., 3] == 255, clip.mask)
    error = np.abs(shown[..., :3].astype(int) - clip.rgb)[clip.mask]
    assert error.mean() < 3


def test_a_swapped_colour_stays_within_reach() -> None:
    clip = render(bouncing_ball(8), [42] * 8)
    exact, loose = (decode(encode(clip, Quality(64, reach))) for reach in (0, 30))
    before, after = (np.stack([np.asarray(frame)[..., :3] for frame in one]) for one in (exact, loose))
    changed = (before != after).any(axis=-1)
    assert changed.any()
    pairs = np.unique(np.concatenate([before[changed], after[changed]], axis=1), axis=0)
    for pair in pairs:
        assert distances(pair[None, :3], pair[None, 3:].astype(np.uint8))[0, 0] <= 30


def test_a_budget_lowers_the_quality_not_the_size_of_the_picture() -> None:
    clip = render(bouncing_ball(), [42] * 24)
    best = encode(clip, LADDER[0])
    small = encode_within(clip, len(best) - 1)
    assert len(small) < len(best)
    assert len(decode(small)) == len(decode(best))
    assert encode_within(clip, len(best)) == best


def test_an_impossible_budget_gives_the_coarsest() -> None:
    clip = render(bouncing_ball(8), [42] * 8)
    assert encode_within(clip, 1) == encode(clip, LADDER[-1])


@pytest.mark.parametrize(("bits", "count"), [(2, 1), (2, 5000), (6, 30000), (8, 30000)])
def test_exact_compression_is_lossless(bits: int, count: int) -> None:
    side = 100
    pixels = np.random.default_rng(7).integers(0, 1 << bits, size=(-(-count // side), side), dtype=np.uint8)
    if count == 1:
        pixels = pixels[:1, :1]
    height, width = pixels.shape
    table = bytes(range(256)) * 3
    screen = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    stream = blocks(compress(pixels.tobytes(), bits, [()] * (1 << bits)))
    head = b"GIF89a" + screen + bytes([0xF0 | (bits - 1), 0, 0]) + table[: 3 << bits]
    content = head + b"\x2c\0\0\0\0" + screen + b"\0" + bytes([bits]) + stream + b"\x3b"
    with Image.open(io.BytesIO(content)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_neighbours_are_near_and_ordered() -> None:
    palette = np.array([[0, 0, 0], [4, 4, 4], [10, 10, 10], [255, 255, 255]], dtype=np.uint8)
    assert neighbours(palette, 20) == [(1, 2), (0, 2), (1, 0), ()]


def test_edges_take_the_colour_of_the_picture_not_of_the_void() -> None:
    rgba = np.zeros((5, 5, 4), dtype=np.uint8)
    rgba[:, :2] = (*RED, 255)
    rgba[:, 2] = (255, 255, 255, 140)
    rgba[:, 3] = (255, 255, 255, 90)
    rgb, mask = cut_edges(rgba)
    np.testing.assert_array_equal(rgb[:, 2], np.broadcast_to(RED, (5, 3)))
    np.testing.assert_array_equal(mask, [[True, True, True, False, False]] * 5)


def test_glass_keeps_its_own_colour() -> None:
    glass = np.full((5, 5, 4), (120, 200, 240, 180), dtype=np.uint8)
    rgb, mask = cut_edges(glass)
    assert mask.all()
    assert (rgb == (120, 200, 240)).all()


@pytest.mark.parametrize(
    ("durations", "frames", "step_ms"),
    [
        ([42] * 72, list(range(0, 72, 2)), 80),
        ([42] * 28, list(range(28)), 40),
        ([60] * 32, list(range(32)), 60),
        ([16] * 100, list(range(0, 100, 2)), 40),
    ],
)
def test_frames_are_thinned_evenly(durations: list[int], frames: list[int], step_ms: int) -> None:
    picked, step = pick_frames(durations)
    assert step == step_ms
    assert len(picked) == len(frames)
    assert len(set(np.diff(picked))) == 1


def test_slow_frames_are_repeated_to_keep_the_pace() -> None:
    picked, step_ms = pick_frames([400, 80, 320])
    assert step_ms == 80
    assert picked == [0] * 5 + [1] + [2] * 4


def test_an_animation_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="0 frames"):
        render([], [])


def test_an_empty_frame_is_allowed() -> None:
    mask = np.zeros((2, SIZE, SIZE), dtype=np.bool_)
    mask[0, 3, 4] = True
    clip = Clip(np.full((2, SIZE, SIZE, 3), 200, dtype=np.uint8), mask, 80)
    first, second = decode(encode(clip, LADDER[0]))
    assert first.getbbox() == (4, 3, 5, 4)
    assert second.getbbox() is None
