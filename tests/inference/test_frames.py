from pathlib import Path

import pytest
from PIL import Image

from inference.errors import PackError
from inference.frames import read_film, read_frames, sample_moments


def test_frames_are_spread_over_the_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 40, 80, 120, 160, 200, 240, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    picked = read_frames(tmp_path / "a.gif", 4)
    assert [frame.getpixel((4, 4)) for frame in picked] == [(s, 0, 0, 255) for s in (40, 120, 200, 255)]


def test_a_still_picture_counts_as_every_frame(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "a.gif")
    assert len(read_frames(tmp_path / "a.gif", 4)) == 4


@pytest.mark.parametrize(
    ("durations_ms", "picked"),
    [
        ([80] * 8, [1, 3, 5, 7]),
        ([10, 10, 10, 10, 40], [1, 3, 4, 4]),
        ([75, 5], [0, 0, 0, 0]),
        ([5], [0] * 4),
    ],
)
def test_moments_are_spread_over_the_time(durations_ms: list[float], picked: list[int]) -> None:
    assert sample_moments(durations_ms, 4) == picked


@pytest.mark.parametrize("last_ms", [50, 400])
def test_a_film_has_frames_by_number_and_moments_by_time(tmp_path: Path, last_ms: int) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 40, 80, 120, 160, 200, 240, 255)]
    durations = [50] * 7 + [last_ms]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=durations)
    film = read_film(tmp_path / "a.gif", 4, 2)
    assert [frame.getpixel((4, 4)) for frame in film.frames] == [(s, 0, 0, 255) for s in (40, 120, 200, 255)]
    shown = (80, 240) if last_ms == 50 else (120, 255)
    assert [frame.getpixel((4, 4)) for frame in film.moments] == [(shade, 0, 0, 255) for shade in shown]
    assert read_film(tmp_path / "a.gif", 0, 2).frames == []


def test_frames_without_a_duration_count_alike(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 40, 80, 120)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    film = read_film(tmp_path / "a.gif", 1, 4)
    assert [frame.getpixel((4, 4)) for frame in film.moments] == [(s, 0, 0, 255) for s in (0, 40, 80, 120)]


@pytest.mark.parametrize("content", [None, b"", b"GIF89a", b"no picture at all"])
def test_an_unreadable_gif_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.gif").write_bytes(content)
    with pytest.raises(PackError, match=r"a\.gif cannot be read"):
        read_frames(tmp_path / "a.gif", 4)
    with pytest.raises(PackError, match=r"a\.gif cannot be read"):
        read_film(tmp_path / "a.gif", 4, 5)
