from pathlib import Path

import pytest
from PIL import Image

from inference.errors import PackError
from inference.frames import read_frames


def test_frames_are_spread_over_the_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 40, 80, 120, 160, 200, 240, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    picked = read_frames(tmp_path / "a.gif", 4)
    assert [frame.getpixel((4, 4)) for frame in picked] == [(s, 0, 0, 255) for s in (40, 120, 200, 255)]


def test_a_still_picture_counts_as_every_frame(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "a.gif")
    assert len(read_frames(tmp_path / "a.gif", 4)) == 4


@pytest.mark.parametrize("content", [None, b"", b"GIF89a", b"no picture at all"])
def test_an_unreadable_gif_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.gif").write_bytes(content)
    with pytest.raises(PackError, match=r"a\.gif cannot be read"):
        read_frames(tmp_path / "a.gif", 4)
