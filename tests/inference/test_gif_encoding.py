"""What goes out is a GIF: within the budget, as long, as clear and in the same order as what came in."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.errors import RefusedError
from inference.fingerprints import distances, fingerprint, fingerprint_file
from inference.ingest._blocks import tidy_gif
from inference.ingest._clip import open_clip
from inference.ingest._encode import LEAST_MS
from inference.ingest._scan import scan
from inference.ingest._submission import MIB, Limits
from tests import clips

FLUENT = Path(__file__).resolve().parents[2] / "assets" / "packs" / "fluent" / "gifs"
LOOP = b"\x21\xff\x0bNETSCAPE2.0"
CONTROL = b"\x21\xf9\x04"
COMMENT = b"\x21\xfe\x05<b>hi\x00"
XMP = b"\x21\xff\x0bXMP DataXMP\x03<x>\x00"


def total(frames: clips.Frames) -> float:
    return sum(shown_ms for _, shown_ms in frames)


def test_a_small_gif_stays_as_it_is(tmp_path: Path) -> None:
    path = clips.save(tmp_path / "small.gif", clips.moving())
    assert clips.encoded(path) == path.read_bytes()


def test_what_does_not_show_is_dropped_and_what_shows_stays(tmp_path: Path) -> None:
    path = clips.save(tmp_path / "small.gif", clips.moving())
    clean = path.read_bytes()
    place = clean.index(LOOP)
    path.write_bytes(clean[:place] + COMMENT + XMP + clean[place:] + b"<html><script>alert(1)</script>")
    data = clips.encoded(path)
    assert data == clean
    assert LOOP in data


def test_a_gif_without_an_end_is_given_one(tmp_path: Path) -> None:
    path = clips.save(tmp_path / "small.gif", clips.moving())
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert clips.encoded(path) == whole


def test_what_is_no_block_is_refused() -> None:
    whole = clips.moving(1)[0]
    file = io.BytesIO()
    whole.save(file, "GIF")
    with pytest.raises(RefusedError):
        tidy_gif(file.getvalue()[:-1] + b"\x99\x99")


@pytest.mark.parametrize("ending", [".webp", ".png", ".gif", ".mp4"])
@pytest.mark.parametrize("shown_ms", [20, 50, 70, 100, 330])
def test_the_time_stays(ending: str, shown_ms: int, tmp_path: Path) -> None:
    path, pictures = tmp_path / f"clip{ending}", clips.moving(20)
    if ending == ".mp4":
        clips.save_film(path, pictures, rate=1000 // shown_ms)
    else:
        clips.save(path, pictures, shown_ms)
    frames = clips.decoded(clips.encoded(path, max_edge=100))
    wanted = 20 * 1000 / (1000 // shown_ms) if ending == ".mp4" else 20 * shown_ms
    assert total(frames) == pytest.approx(wanted, rel=0.1)
    assert min(shown for _, shown in frames) >= LEAST_MS - 10


def test_frames_that_browsers_show_slowly_are_kept_slow(tmp_path: Path) -> None:
    path = clips.save(tmp_path / "hasty.gif", clips.moving(8), 10)
    assert total(clips.decoded(clips.encoded(path, max_edge=100))) == 800


@pytest.mark.parametrize("ending", [".webp", ".png"])
def test_the_frames_come_in_the_same_order_and_look_the_same(ending: str, tmp_path: Path) -> None:
    pictures = clips.moving(15)
    frames = clips.decoded(clips.encoded(clips.save(tmp_path / f"clip{ending}", pictures)))
    assert len(frames) == 15
    for picture, (shown, _) in zip(pictures, frames, strict=True):
        assert clips.difference(picture, shown) < 1.5


def test_a_film_looks_the_same(tmp_path: Path) -> None:
    pictures = clips.moving(15)
    frames = clips.decoded(clips.encoded(clips.save_film(tmp_path / "clip.mp4", pictures)))
    assert len(frames) == 15
    for picture, (shown, _) in zip(pictures, frames, strict=True):
        assert clips.difference(picture, shown) < 10


@pytest.mark.parametrize("ending", [".webp", ".png"])
def test_what_is_clear_stays_clear(ending: str, tmp_path: Path) -> None:
    """The disc leaves nothing behind where it was."""
    pictures = clips.moving(10, clear=True)
    frames = clips.decoded(clips.encoded(clips.save(tmp_path / f"clip{ending}", pictures)))
    for picture, (shown, _) in zip(pictures, frames, strict=True):
        assert clips.is_same(
            picture.getchannel("A").point(lambda value: 255 * (value >= 128)), shown.getchannel("A")
        )


def test_what_grows_over_a_clear_ground_is_laid_over_it(tmp_path: Path) -> None:
    ground, pictures = Image.new("RGBA", (80, 80)), []
    for number in range(8):
        ground.paste((200, 30 * number, 20, 255), (10 * number, 20, 10 * number + 10, 60))
        pictures.append(ground.copy())
    data = clips.encoded(clips.save(tmp_path / "grows.png", pictures))
    for picture, (shown, _) in zip(pictures, clips.decoded(data), strict=True):
        assert clips.difference(picture, shown) < 0.5
    assert {part[0] >> 2 & 7 for part in data.split(CONTROL)[1:]} == {1}


def test_a_still_ground_is_not_stored_again(tmp_path: Path) -> None:
    ground = clips.noise(1, (200, 200))[0]
    pictures = []
    for number in range(10):
        pictures.append(ground.copy())
        pictures[-1].paste((255, 0, 0), (5 * number, 5, 5 * number + 20, 25))
    still = clips.encoded(clips.save(tmp_path / "still.webp", pictures[:1]))
    assert len(clips.encoded(clips.save(tmp_path / "clip.webp", pictures))) < 1.5 * len(still)


@pytest.mark.parametrize("budget", [60_000, 250_000, 1_000_000])
@pytest.mark.parametrize("ending", [".webp", ".png", ".gif"])
def test_noise_is_brought_under_the_budget(ending: str, budget: int, tmp_path: Path) -> None:
    path = clips.save(tmp_path / f"noise{ending}", clips.noise(12, (320, 200)))
    data = clips.encoded(path, budget)
    assert budget / 5 < len(data) <= budget
    assert total(clips.decoded(data)) == pytest.approx(960, rel=0.1)


def test_what_fits_however_small_in_no_budget_is_refused(tmp_path: Path) -> None:
    path = clips.save(tmp_path / "noise.webp", clips.noise(40, (100, 100)))
    with pytest.raises(RefusedError) as refused:
        clips.encoded(path, 2_000)
    assert refused.value.code == "too_large"


@pytest.mark.parametrize(
    ("size", "edge", "wanted"), [((300, 100), 150, (150, 50)), ((30, 600), 200, (10, 200))]
)
def test_the_edge_is_kept(size: tuple[int, int], edge: int, wanted: tuple[int, int], tmp_path: Path) -> None:
    path = clips.save(tmp_path / "large.gif", clips.moving(3, size))
    assert clips.decoded(clips.encoded(path, max_edge=edge))[0][0].size == wanted


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 3)])
def test_odd_shapes_are_encoded(size: tuple[int, int], tmp_path: Path) -> None:
    path = clips.save(tmp_path / "odd.webp", clips.noise(3, size))
    assert max(clips.decoded(clips.encoded(path))[0][0].size) == min(480, max(size))


@pytest.mark.parametrize("ending", [".webp", ".png"])
def test_what_moves_goes_on_for_ever(ending: str, tmp_path: Path) -> None:
    data = clips.encoded(clips.save(tmp_path / f"clip{ending}", clips.moving()))
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_still_pictures_of_all_kinds_become_stills(mode: str, tmp_path: Path) -> None:
    shade = Image.linear_gradient("L").resize((64, 64))
    picture = Image.fromarray(np.asarray(shade, np.uint16) * 257) if mode == "I;16" else shade.convert(mode)
    path = clips.save(tmp_path / "still.png", [picture])
    ((shown, _),) = clips.decoded(clips.encoded(path))
    assert clips.difference(shown, shade.convert("1") if mode == "1" else shade) < 3


def test_a_small_animation_in_few_colours_is_kept_exactly(tmp_path: Path) -> None:
    colours = [(0, 0, 0), (255, 255, 255), (200, 40, 40), (30, 60, 200)]
    rng = np.random.default_rng(5)
    pictures = [Image.fromarray(np.array(colours, np.uint8)[rng.integers(0, 4, (32, 32))]) for _ in range(6)]
    frames = clips.decoded(clips.encoded(clips.save(tmp_path / "pixels.png", pictures)))
    for picture, (shown, _) in zip(pictures, frames, strict=True):
        assert clips.is_same(picture, shown.convert("RGB"))


def test_a_gif_that_is_encoded_again_stays(tmp_path: Path) -> None:
    once = clips.encoded(clips.save(tmp_path / "clip.webp", clips.moving(20, (640, 360))), 200_000)
    path = tmp_path / "once.gif"
    path.write_bytes(once)
    assert clips.encoded(path, 200_000) == once


def test_many_frames_become_fewer(tmp_path: Path) -> None:
    path = clips.save(tmp_path / "many.webp", clips.moving(700, (30, 90)), 40)
    frames = clips.decoded(clips.encoded(path))
    assert len(frames) <= 300
    assert total(frames) == pytest.approx(28_000, rel=0.1)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("clip.webp", clips.save),
        ("clip.png", clips.save),
        ("clip.mp4", clips.save_film),
    ],
)
def test_what_went_in_and_what_comes_out_look_alike(
    name: str, write: Callable[[Path, list[Image.Image]], Path], tmp_path: Path
) -> None:
    path = write(tmp_path / name, clips.moving(24, (640, 480)))
    seen = scan(open_clip(path, Limits()))
    out = tmp_path / "out.gif"
    out.write_bytes(clips.encoded(path, 300_000))
    bits = distances(fingerprint(seen.film.moments)[None], fingerprint_file(out)[None])
    assert bits[0, 0] < 60


def test_fingerprints_are_those_that_the_catalogue_makes() -> None:
    for path in sorted(FLUENT.rglob("*.gif"))[::40]:
        seen = scan(open_clip(path, Limits()), check_flash=False)
        assert np.array_equal(fingerprint(seen.film.moments), fingerprint_file(path))


def test_the_shipped_pack_is_kept_as_it_is() -> None:
    for path in sorted(FLUENT.rglob("*.gif"))[::40]:
        data = path.read_bytes()
        assert len(clips.encoded(path)) <= len(data) <= 4 * MIB
        assert struct.unpack_from("<HH", clips.encoded(path), 6) == struct.unpack_from("<HH", data, 6)


def test_a_film_that_a_phone_turned_is_upright(tmp_path: Path) -> None:
    """The matrix in the track's header turns by 90 degrees clockwise."""
    picture = Image.new("RGB", (64, 32), (255, 255, 255))
    picture.paste((0, 0, 255), (0, 0, 32, 32))  # blue at the left: at the top when turned
    path = clips.save_film(tmp_path / "film.mp4", [picture] * 5)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    assert struct.unpack_from(">9i", data, place) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, place, 0, 65536, 0, -65536, 0, 0, 32 << 16, 0, 1 << 30)
    path.write_bytes(data)
    assert open_clip(path, Limits()).size == (32, 64)
    shown, _ = clips.decoded(clips.encoded(path))[0]
    assert shown.size == (32, 64)
    red, _, blue, _ = shown.getpixel((16, 10))  # type: ignore[misc]
    assert blue > 200 > 60 > red
