"""Reading the emoji from tarballs: pinned bytes only, skin tones left out, clear errors."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from assets import build, sources
from assets.pack import PackLimitError, check
from assets.sources import SourceError, Tarball, open_source


def webp(colours: list[str]) -> bytes:
    frames = [Image.new("RGBA", (256, 256), colour) for colour in colours]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=42, lossless=True)
    return out.getvalue()


@pytest.fixture
def tarballs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one small pinned tarball in place of the real ones."""
    members = {
        "1f44d.webp": webp(["gold", "orange"]),
        "1f44d-1f3fb.webp": webp(["white", "grey"]),
        "1f3a4.webp": webp(["black"]),
        "package.json": b"{}",
    }
    folder = tmp_path / "tarballs"
    folder.mkdir()
    path = folder / "lobehub-small-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/assets/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    content = path.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    pinned = (Tarball("@lobehub/small", "1.0.0", digest, len(content)),)
    monkeypatch.setattr(sources, "TARBALLS", pinned)
    monkeypatch.setattr(build, "TARBALLS", pinned)
    return folder


def test_pictures_are_read_by_code_point(tarballs: Path, tmp_path: Path) -> None:
    emoji = open_source(tmp_path / "cache", tarballs)
    assert emoji.code_points() == ["1f3a4", "1f44d"]
    images, durations_ms = emoji.frames("1f44d")
    assert [image.getpixel((9, 9)) for image in images] == [(255, 215, 0, 255), (255, 165, 0, 255)]
    assert durations_ms == [42, 42]
    assert emoji.frames("1f3a4")[1] == [sources.SOURCE_FRAME_MS]
    assert emoji.tarball("1f44d").name == "@lobehub/small"


def test_the_cache_is_enough_the_second_time(tarballs: Path, tmp_path: Path) -> None:
    open_source(tmp_path / "cache", tarballs)
    assert open_source(tmp_path / "cache").code_points() == ["1f3a4", "1f44d"]


def test_another_tarball_is_refused(tarballs: Path, tmp_path: Path) -> None:
    with (tarballs / "lobehub-small-1.0.0.tgz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(SourceError, match="not the pinned file"):
        open_source(tmp_path / "cache", tarballs)


def test_an_unknown_code_point_is_named(tarballs: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="1f600"):
        open_source(tmp_path / "cache", tarballs).frames("1f600")


def test_a_missing_tarball_ends_the_build_with_a_sentence(tmp_path: Path, tarballs: Path) -> None:
    app = Typer()
    app.command()(build.main)
    (tmp_path / "empty").mkdir()
    options = [
        "--source",
        str(tmp_path / "empty"),
        "--cache",
        str(tmp_path / "cache"),
        "--out",
        str(tmp_path),
    ]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 1
    assert "lobehub-small-1.0.0.tgz" in result.output.replace("\n", "")


def test_a_part_of_the_pack_does_not_replace_the_whole() -> None:
    app = Typer()
    app.command()(build.main)
    result = CliRunner().invoke(app, ["--only", "hug"])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"a": b"x" * 300_000}, "larger than 262144 bytes: a"),
        ({"a": b"x", "b": b"x"}, "a and b are the same picture"),
        ({str(i): bytes([i]) * 250_000 for i in range(200)}, "more than"),
    ],
)
def test_a_pack_beyond_its_limits_is_refused(made: dict[str, bytes], message: str) -> None:
    with pytest.raises(PackLimitError, match=message):
        check(made)
