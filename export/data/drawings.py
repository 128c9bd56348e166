"""Emoji drawings of a style as arrays, by code point, rendered once and kept in the cache."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.progress import track

from export.data.downloads import cache_dir, npm_tarball, tar_members
from export.data.emoji import Emoji, canonical, emoji_table
from export.data.styles import Style

Pixels = npt.NDArray[np.uint8]
SIZE_PX = 144


def drawings(style: Style, table: Sequence[Emoji]) -> dict[str, Pixels]:
    """Return a style's drawings of the table's emoji.

    Returns:
        Code point to (144, 144, 4) uint8 RGBA, straight alpha. A style need not have every emoji.

    Raises:
        DownloadError: The style's package could not be fetched.
    """
    path = cache_dir() / "drawings" / f"{style.name}-{style.version}-{SIZE_PX}px.npz"
    if not path.exists():
        # All of them: the next caller may want others than this one.
        found = _render(style, emoji_table())
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(
                file, code_points=np.array(list(found)), pixels=np.stack(list(found.values()))
            )
        part.replace(path)
    wanted = {emoji.code_point for emoji in table}
    with np.load(path, allow_pickle=False) as arrays:
        pairs = zip(arrays["code_points"].tolist(), arrays["pixels"], strict=True)
        return {code_point: pixels for code_point, pixels in pairs if code_point in wanted}


def _render(style: Style, table: Sequence[Emoji]) -> dict[str, Pixels]:
    tarball = npm_tarball(style.package, style.version, style.integrity)
    files = {name: content for name, content in tar_members(tarball) if _is_wanted(name)}
    known = {emoji.code_point for emoji in table}
    if "icons.json" not in files:
        pictures = {canonical(PurePosixPath(name).stem): name for name in files if name.startswith("assets/")}
        chosen = [(code, files[name]) for code, name in sorted(pictures.items()) if code in known]
        return {code: _fit(Image.open(io.BytesIO(data))) for code, data in _tracked(style, chosen)}
    icons = json.loads(files["icons.json"])
    names = icon_names(icons["icons"], json.loads(files.get("chars.json", b"{}")), table)
    return {code: draw(svg(icons, name)) for code, name in _tracked(style, sorted(names.items()))}


def _is_wanted(name: str) -> bool:
    return name in ("icons.json", "chars.json") or name.startswith("assets/")


def _tracked(style: Style, pairs: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    yield from track(pairs, description=f"drawing {style.name}", transient=True)


def slug(name: str) -> str:
    """Return a picture's name as icon sets spell it, ``"ON! arrow"`` as ``"on-arrow"``."""
    plain = name.lower().replace("ñ", "n").replace("&", "and")
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"[\u2019'.]", "", plain)))


def icon_names(
    icons: Mapping[str, Any], characters: Mapping[str, str], table: Sequence[Emoji]
) -> dict[str, str]:
    """Find the icon of each emoji: by the set's own table of code points, else by its name.

    Args:
        icons: The set's icons by name.
        characters: Code point to icon name as the package has it, often empty.
        table: The emoji to look for.
    """
    by_code = {canonical(code): name for code, name in characters.items() if _is_code(code)}
    by_name = {re.sub(r"-1$", "", name): name for name in icons}
    by_letters = {name.replace("-", ""): name for name in reversed(list(icons))}
    found = {}
    for emoji in table:
        spelling = slug(emoji.name)
        letters = spelling.replace("-", "")
        name = by_code.get(emoji.code_point) or by_name.get(spelling) or by_letters.get(letters)
        if name is not None and name in icons:
            found[emoji.code_point] = name
    return found


def _is_code(code: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]+(-[0-9a-fA-F]+)*", code) is not None


def svg(icons: Mapping[str, Any], name: str) -> str:
    """Return an icon of an Iconify set as an SVG document."""
    icon = icons["icons"][name]
    width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
    left, top = icon.get("left", 0), icon.get("top", 0)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{SIZE_PX}" height="{SIZE_PX}" viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
    )


def draw(document: str) -> Pixels:
    """Render an SVG document as (144, 144, 4) uint8 RGBA, centred."""
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=document, skip_system_fonts=True)
    return _fit(Image.open(io.BytesIO(bytes(png))))


def _fit(image: Image.Image) -> Pixels:
    """Scale the picture into a centred transparent square."""
    scale = SIZE_PX / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Resizing with premultiplied alpha keeps the hidden colour of transparent pixels out of the edges.
    small = image.convert("RGBA").convert("RGBa").resize(size, Image.Resampling.BICUBIC).convert("RGBA")
    canvas = Image.new("RGBA", (SIZE_PX, SIZE_PX))
    canvas.paste(small, ((SIZE_PX - size[0]) // 2, (SIZE_PX - size[1]) // 2))
    return np.asarray(canvas)
