"""Composed reactions render from any pictures, move, loop and are described for people."""

import hashlib
from collections import Counter
from functools import cache

import pytest
from PIL import Image, ImageDraw

from assets.compose import COMPOSITIONS, Composition
from assets.compose.canvas import SIDE, Placement, look, place
from assets.compose.motion import bounce, cycle, dip, hop, keys, overshoot, pop, swing, value, wave
from assets.compose.scene import Sprite, reaction

_CATEGORIES = """
agree applause awww dance deal_with_it do_not_want eww eye_roll facepalm fist_bump good_luck
happy_dance hearts high_five hug idk kiss mic_drop no oh_snap ok omg oops please popcorn scared
seriously shocked shrug sigh slow_clap smh sorry thank_you thumbs_down thumbs_up want win wink yawn
yes yolo you_got_this laugh cry angry thinking celebrate
"""
_RARE_IN_THE_SOURCE = """
mic_drop popcorn high_five fist_bump slow_clap oh_snap yolo thumbs_down deal_with_it do_not_want ok
good_luck want please win smh seriously
"""
CATEGORIES = frozenset(_CATEGORIES.split())
RARE_IN_THE_SOURCE = tuple(_RARE_IN_THE_SOURCE.split())


@cache
def stand_in(code_point: str) -> tuple[Image.Image, ...]:
    """Three frames of a disc with a dot that moves, in a colour of the code point's own."""
    red, green, blue = hashlib.sha256(code_point.encode()).digest()[:3]
    frames = []
    for step in range(3):
        picture = Image.new("RGBA", (64, 64))
        pen = ImageDraw.Draw(picture)
        pen.ellipse((4, 4, 60, 60), fill=(red, green, blue, 255))
        pen.ellipse((14 + 10 * step, 20, 26 + 10 * step, 32), fill=(255, 255, 255, 255))
        frames.append(picture)
    return tuple(frames)


def load(code_point: str) -> list[Image.Image]:
    return list(stand_in(code_point))


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda one: one.slug)
def test_a_composition_shows_something_that_moves(composition: Composition) -> None:
    scene = composition.render
    frames = scene.render(load, range(0, scene.frames, 5))
    assert all(frame.size == (SIDE, SIDE) and frame.mode == "RGBA" for frame in frames)
    assert len({frame.tobytes() for frame in frames}) >= 3
    covered = frames[0].getchannel("A").point(lambda alpha: 255 if alpha > 128 else 0).histogram()[255]
    assert covered > SIDE * SIDE // 10, "the first frame is what a still preview shows"


def faults(composition: Composition) -> list[str]:
    scene, alt_text = composition.render, composition.alt_text
    rules = {
        "GIF delays are hundredths of a second": scene.duration_ms % 10 == 0,
        "at least 12 frames a second": 1000 / scene.duration_ms >= 12,
        "24 to 48 frames": 24 <= scene.frames <= 48,
        "1 to 3 categories": 1 <= len(composition.categories) <= 3,
        "known categories, each once": len(CATEGORIES & set(composition.categories))
        == len(composition.categories),
        "5 to 10 tags, each once": 5 <= len(set(composition.tags)) == len(composition.tags) <= 10,
        "a sentence as alt text": 40 <= len(alt_text) <= 160 and alt_text.endswith((".", "!", "?")),
        "an emoji picture": bool(composition.code_points),
    }
    return [rule for rule, kept in rules.items() if not kept]


def test_every_composition_is_smooth_and_described() -> None:
    assert {one.slug: broken for one in COMPOSITIONS if (broken := faults(one))} == {}


def test_no_two_compositions_are_named_or_described_alike() -> None:
    for names in (
        [one.slug for one in COMPOSITIONS],
        [one.title for one in COMPOSITIONS],
        [one.alt_text for one in COMPOSITIONS],
    ):
        assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_category_without_source_animations_is_composed() -> None:
    primaries = Counter(one.categories[0] for one in COMPOSITIONS)
    assert {name: primaries[name] for name in RARE_IN_THE_SOURCE if primaries[name] < 4} == {}


def test_a_whole_loop_is_rendered_and_repeatable() -> None:
    composition = next(one for one in COMPOSITIONS if one.slug == "mic-drop")
    first, second = composition.render(load), composition.render(load)
    assert len(first.frames) == composition.render.frames
    assert first.duration_ms == composition.render.duration_ms
    assert [frame.tobytes() for frame in first.frames] == [frame.tobytes() for frame in second.frames]


def test_a_dropped_microphone_ends_below_where_it_was() -> None:
    composition = next(one for one in COMPOSITIONS if one.slug == "mic-drop")
    microphone = next(one for one in composition.render.sprites if one.source == "1f3a4")
    assert value(microphone.y, 0.1) < value(microphone.y, 0.35) < value(microphone.y, 0.8) < SIDE


def test_code_points_name_each_picture_once() -> None:
    made = reaction("two", "Two", "yes", "a, b", "Two.", Sprite("1f600", x=40), Sprite("1f600", x=120))
    assert made.code_points == ("1f600",)
    assert made.tags == ("a", "b")


def test_keys_hold_before_the_first_and_after_the_last() -> None:
    move = keys((0.25, 10), (0.5, 30), (0.75, 20))
    assert [value(move, time) for time in (0, 0.25, 0.5, 0.75, 0.99)] == [10, 10, 30, 20, 20]
    assert 10 < value(move, 0.3) < 20


def test_easings_start_and_end_where_the_keys_say() -> None:
    for ease in (bounce, overshoot):
        assert ease(0.0) == pytest.approx(0, abs=1e-6)
        assert ease(1.0) == pytest.approx(1, abs=1e-6)
    assert max(overshoot(part / 50) for part in range(51)) > 1
    assert max(bounce(part / 50) for part in range(51)) <= 1 + 1e-6


def test_periodic_moves_loop() -> None:
    for move in (wave(80, 10, 3, 0.2), hop(90, 20, 3), dip(5, 3, 0, 1), cycle(2, 0.3)):
        assert value(move, 0) == pytest.approx(value(move, 1.0), abs=1e-6)
    assert [value(swing(5, 2, 0.2, 0.8, 7), time) for time in (0.1, 0.9)] == [7, 7]
    assert [value(pop(0.2, 0.8, 40), time) for time in (0, 0.5, 0.9)] == [0, 40, 0]


def test_a_picture_is_placed_where_it_should_be() -> None:
    canvas = Image.new("RGBA", (SIDE, SIDE))
    place(canvas, Image.new("RGBA", (64, 64), "red"), Placement(x=100, y=60, width=40, height=40))
    box = canvas.getchannel("A").point(lambda alpha: 255 if alpha > 128 else 0).getbbox()
    assert box == (80, 40, 120, 80)


def test_a_quarter_turn_about_the_foot_lays_a_picture_down() -> None:
    canvas = Image.new("RGBA", (SIDE, SIDE))
    where = Placement(x=80, y=60, width=20, height=60, turn=90, pivot=(0.5, 1))
    place(canvas, Image.new("RGBA", (20, 60), "red"), where)
    box = canvas.getchannel("A").point(lambda alpha: 255 if alpha > 128 else 0).getbbox()
    assert box == (80, 80, 140, 100)


def test_what_lies_off_the_canvas_is_left_out() -> None:
    canvas = Image.new("RGBA", (SIDE, SIDE))
    place(canvas, Image.new("RGBA", (8, 8), "red"), Placement(x=-200, y=60, width=40, height=40))
    place(canvas, Image.new("RGBA", (8, 8), "red"), Placement(x=80, y=60, width=0.2, height=40))
    assert canvas.getbbox() is None


def test_a_look_moves_the_features_and_keeps_the_outline() -> None:
    face = stand_in("1f600")[1]
    turned = look(face, 0.15, 0)
    assert face.getpixel((25, 26)) == (255, 255, 255, 255)
    assert turned.getpixel((25, 26)) != (255, 255, 255, 255)
    assert turned.getpixel((40, 26)) == (255, 255, 255, 255)
    before, after = face.getchannel("A").getbbox(), turned.getchannel("A").getbbox()
    assert before is not None
    assert after is not None
    assert all(abs(one - other) <= 3 for one, other in zip(before, after, strict=True))
