"""Files of all kinds that nobody here made are taken in, or refused with a reason: nothing else happens."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from inference.errors import RefusedError
from inference.ingest._clip import open_clip, seen_ms
from inference.ingest._scan import scan
from inference.ingest._submission import Limits
from tests import clips, pillow_suite

KINDS = {".gif": "gif", ".webp": "webp", ".png": "png", ".apng": "png"}
LEAST_TAKEN = {".gif": 30, ".webp": 10, ".png": 370}
# What browsers show as well.
TAKEN = (
    "hopper.gif",
    "dispose_bgnd.gif",
    "iss634.webp",
    "iss634.apng",
    "apng/num_plays.png",
    "mode_16bit.png",
)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return pillow_suite.unpack(tmp_path_factory.mktemp("pillow"))


def test_all_files_of_pillows_suite_are_taken_or_refused(suite: list[Path]) -> None:
    taken, refused = Counter[str](), {}
    for path in suite:
        try:
            clip = open_clip(path, Limits())
            assert clip.kind == KINDS[path.suffix]
            seen = scan(clip)
            frames = clips.decoded(clips.encoded(path))
        except RefusedError as error:
            refused[str(path)] = error
            continue
        assert 1 <= len(frames) <= len(seen.durations_ms)
        assert len(seen.film.moments) == 5
        taken[path.suffix] += 1
    assert all(taken[ending] >= least for ending, least in LEAST_TAKEN.items()), taken
    assert not [name for name in refused if name.endswith(TAKEN)]
    assert {error.code for error in refused.values()} <= {"unreadable", "too_large"}


def test_the_animations_among_them_take_as_long_as_before(suite: list[Path]) -> None:
    checked = 0
    for path in suite:
        try:
            durations_ms = scan(open_clip(path, Limits()), check_flash=False).durations_ms
        except RefusedError:
            continue
        if path.suffix != ".gif" and len(durations_ms) > 1:
            shown = sum(shown_ms for _, shown_ms in clips.decoded(clips.encoded(path)))
            wanted = sum(map(seen_ms, durations_ms))
            assert shown == pytest.approx(wanted, rel=0.1, abs=10 * len(durations_ms))
            checked += 1
    assert checked >= 20


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png", ".mp4"])
def test_a_file_is_what_its_content_is(ending: str, tmp_path: Path) -> None:
    path, pictures = tmp_path / f"clip{ending}", clips.moving(6, (48, 80))
    (clips.save_film if ending == ".mp4" else clips.save)(path, pictures)
    clip = open_clip(path.rename(tmp_path / "clip.txt"), Limits())
    assert (clip.kind, clip.size, clip.count) == (ending[1:], (48, 80), 6)
    for picture, (shown, _) in zip(pictures, clip.frames(), strict=True):
        assert clips.difference(picture, shown) < 10


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(file_bytes=100), "too_large"),
        (Limits(pixels=48 * 80 - 1), "too_large"),
        (Limits(total_pixels=6 * 48 * 80 - 1), "too_large"),
        (Limits(frames=5), "too_long"),
        (Limits(seconds=0.4), "too_long"),
    ],
)
@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
def test_limits_are_kept(limits: Limits, code: str, ending: str, tmp_path: Path) -> None:
    path = clips.save(tmp_path / f"clip{ending}", clips.moving(6, (48, 80)))
    scan(open_clip(path, Limits()))
    with pytest.raises(RefusedError) as refused:
        scan(open_clip(path, limits))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "limits", [Limits(pixels=3_000), Limits(total_pixels=20_000), Limits(seconds=0.4), Limits(file_bytes=99)]
)
def test_limits_are_kept_for_films(limits: Limits, tmp_path: Path) -> None:
    path = clips.save_film(tmp_path / "clip.mp4", clips.moving(12, (48, 80)))
    with pytest.raises(RefusedError) as refused:
        scan(open_clip(path, limits))
    assert refused.value.code in ("too_large", "too_long")


def test_frames_may_be_asked_for_again(tmp_path: Path) -> None:
    clip = open_clip(clips.save(tmp_path / "clip.gif", clips.moving(4)), Limits())
    first, second = ([picture.copy() for picture, _ in clip.frames()] for _ in range(2))
    assert all(clips.difference(one, other) == 0 for one, other in zip(first, second, strict=True))


def test_a_scan_picks_pictures_by_number_and_by_time(tmp_path: Path) -> None:
    """The second frame is shown for nine tenths of the time, so it is what is seen at nearly all moments."""
    pictures = clips.moving(4)
    path = clips.save(tmp_path / "clip.gif", pictures, [50, 1800, 100, 50])
    seen = scan(open_clip(path, Limits()))
    assert seen.durations_ms == [50, 1800, 100, 50]
    assert len(seen.film.frames) == len(seen.stills) == 4
    for picture, shown in zip(pictures, seen.film.frames, strict=True):
        assert shown.mode == "RGBA"
        assert clips.difference(picture, shown) < 5
    assert all(clips.difference(pictures[1], moment) < 5 for moment in seen.film.moments[:4])


def test_what_is_kept_for_reading_is_not_larger_than_needed(tmp_path: Path) -> None:
    seen = scan(open_clip(clips.save(tmp_path / "clip.webp", clips.moving(2, (1500, 300))), Limits()))
    assert {still.size for still in seen.stills} == {(960, 192)}
