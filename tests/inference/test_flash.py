"""Flashes are counted as WCAG 2.3.1 defines them: how often, how large, how bright, how red, how slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.ingest._clip import open_clip
from inference.ingest._flash import FlashMeter, FlashReport
from inference.ingest._scan import scan
from inference.ingest._submission import Limits

Rgb = NDArray[np.uint8]
Colour = tuple[int, int, int]
BLACK, WHITE, GREY = (0, 0, 0), (255, 255, 255), (128, 128, 128)
ROWS, COLUMNS = 27, 48


def plain(colour: Colour) -> Rgb:
    return np.full((ROWS, COLUMNS, 3), colour, np.uint8)


def part(colour: Colour, share: float, ground: Colour = BLACK) -> Rgb:
    """Return a picture of which a share at the left has another colour."""
    picture = plain(ground)
    picture[:, : round(COLUMNS * share)] = colour
    return picture


def report(frames: Iterable[tuple[Rgb, float]]) -> FlashReport:
    meter = FlashMeter()
    for picture, shown_ms in frames:
        meter.add(picture, shown_ms)
    return meter.report()


def blink(hertz: float, one: Rgb, other: Rgb) -> FlashReport:
    return report([(one, 500 / hertz), (other, 500 / hertz)] * 12)


def fade(hertz: float, seconds: float, steps: int, shape: Callable[[float], Rgb]) -> FlashReport:
    """Show a wave in so many steps a period."""
    count = round(hertz * seconds * steps)
    return report([(shape(np.sin(2 * np.pi * step / steps)), 1000 / hertz / steps) for step in range(count)])


@pytest.mark.parametrize("hertz", [1, 2, 3])
def test_up_to_three_flashes_a_second_are_let_be(hertz: int) -> None:
    found = blink(hertz, plain(BLACK), plain(WHITE))
    assert found.worst_per_second == hertz
    assert not found.is_flashing


@pytest.mark.parametrize("hertz", [4, 5, 6, 7, 8, 9, 10])
def test_more_than_three_flashes_a_second_are_too_many(hertz: int) -> None:
    found = blink(hertz, plain(BLACK), plain(WHITE))
    assert found.worst_per_second == hertz
    assert found.is_flashing
    assert not found.is_red


def test_a_burst_in_a_calm_animation_is_found_where_it_is() -> None:
    calm = [(plain(GREY), 1000.0)] * 3
    found = report([*calm, *[(plain(BLACK), 60.0), (plain(WHITE), 60.0)] * 5, *calm])
    assert found.is_flashing
    assert 2000 <= found.at_ms <= 3700


@pytest.mark.parametrize(("share", "is_flashing"), [(0.20, False), (0.25, False), (0.30, True), (1.0, True)])
def test_a_quarter_of_the_picture_may_flash(share: float, is_flashing: bool) -> None:
    assert blink(6, part(WHITE, share), plain(BLACK)).is_flashing is is_flashing


@pytest.mark.parametrize(
    ("one", "other", "is_flashing"),
    [
        (BLACK, (85, 85, 85), False),  # 0.09 of the maximum
        (BLACK, (92, 92, 92), True),  # 0.107
        (WHITE, (232, 232, 232), False),  # the darker one has 0.81
        (WHITE, (228, 228, 228), True),  # 0.78, and a change of 0.22
        (GREY, (118, 118, 118), False),
    ],
)
def test_what_counts_is_the_change_of_luminance_below_the_bright(
    one: Colour, other: Colour, is_flashing: bool
) -> None:
    assert blink(5, plain(one), plain(other)).is_flashing is is_flashing


def test_a_saturated_red_flashes_at_the_same_luminance() -> None:
    red, grey = (200, 0, 0), (95, 95, 95)  # 0.123 and 0.114
    found = blink(5, plain(red), plain(grey))
    assert found.is_flashing
    assert found.is_red
    blue = (60, 60, 255)
    assert not blink(5, plain(blue), plain((104, 104, 104))).is_flashing


def test_two_reds_of_which_neither_is_saturated_do_not_flash() -> None:
    assert not blink(5, plain((200, 90, 60)), plain((190, 100, 70))).is_flashing


@pytest.mark.parametrize(("hertz", "is_flashing"), [(2, False), (3, False), (4, True), (6, True)])
def test_fades_count_like_cuts(hertz: int, is_flashing: bool) -> None:
    found = fade(hertz, 3, 16, lambda level: plain((round(127 + 120 * level),) * 3))
    assert found.is_flashing is is_flashing


def test_a_fade_that_reaches_each_place_in_another_frame_counts() -> None:
    """The contrast differs from place to place, so the tenth is reached in different frames."""
    strength = np.linspace(0.4, 1.0, COLUMNS)[None, :, None]

    def shape(level: float) -> Rgb:
        return np.asarray(127 + 127 * level * strength * np.ones((ROWS, 1, 3)), np.uint8)

    assert fade(5, 2, 20, shape).is_flashing
    assert not fade(2, 2, 20, shape).is_flashing


def test_a_slow_fade_over_a_minute_is_none() -> None:
    found = report(
        [(plain((level, level, level)), 250.0) for level in [*range(0, 256, 3), *range(255, 0, -3)]]
    )
    assert found.worst_per_second <= 1


def test_halves_that_flash_in_turn_flash() -> None:
    left, right = part(WHITE, 0.5), part(BLACK, 0.5, WHITE)
    assert blink(5, left, right).is_flashing
    assert not blink(3, left, right).is_flashing


def test_flashes_at_ever_other_places_are_counted_together() -> None:
    frames = []
    for place in range(3):
        picture = plain(BLACK)
        picture[:, 16 * place : 16 * place + 16] = WHITE
        frames += [(picture, 100.0), (plain(BLACK), 100.0)]
    assert report(frames).is_flashing


def test_stripes_that_move_do_not_flash() -> None:
    """Each cell is lit and dark in turn, but no larger place is."""
    picture = plain(BLACK)
    picture[:, ::4] = picture[:, 1::4] = WHITE
    assert not report([(np.roll(picture, step, axis=1), 80.0) for step in range(4)]).is_flashing


def test_a_large_thing_that_passes_does_not_flash() -> None:
    ball = part(WHITE, 0.4)
    assert not report([(np.roll(ball, 2 * step, axis=1), 40.0) for step in range(24)]).is_flashing


def test_the_seam_of_the_loop_counts() -> None:
    """Two flashes within, and a last frame unlike the first: five in a second, shown again and again."""
    frames = [(plain(BLACK if number % 2 else WHITE), 90.0) for number in range(4)]
    assert report(frames).worst_per_second >= 5
    assert report([*frames, (plain(BLACK), 1000.0)]).worst_per_second == 2


def test_single_pictures_do_not_flash() -> None:
    assert report([]).worst_per_second == 0
    assert report([(plain(WHITE), 100.0)]) == FlashReport(0, 0.0, False)


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (3, 2)])
def test_odd_shapes_are_looked_at_too(size: tuple[int, int]) -> None:
    one, other = np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8)
    assert blink(5, one, other).is_flashing


@pytest.mark.parametrize(("shown_ms", "flashes"), [(0, 5), (10, 5), (20, 25), (100, 5), (170, 3)])
def test_frames_are_shown_as_long_as_browsers_show_them(shown_ms: int, flashes: int, tmp_path: Path) -> None:
    path = tmp_path / "blink.gif"
    frames = [Image.new("P", (40, 30), number % 2) for number in range(30)]
    for number, frame in enumerate(frames):
        frame.putpalette([0, 0, 0, 255, 255, 255, number, 0, 0])
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=shown_ms, loop=0)
    found = scan(open_clip(path, Limits())).flash
    assert found is not None
    assert found.worst_per_second == flashes


def test_what_is_clear_is_seen_as_white(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    frames = [Image.new("RGBA", (40, 30), (0, 0, 0, alpha)) for alpha in (0, 255)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
    found = scan(open_clip(path, Limits())).flash
    assert found is not None
    assert found.worst_per_second == 5
