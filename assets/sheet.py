"""Draw contact sheets of a pack, to judge its GIFs by eye: `python -m assets.sheet OUT`."""

from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageDraw, ImageFont, ImageSequence
from rich.console import Console
from rich.progress import track

from inference.pack import PackGif, read_pack

DARK = (49, 51, 56)
"""Background of Discord's dark theme."""

WHITE = (255, 255, 255)

_DEFAULT_PACK = Path(__file__).parent / "packs" / "fluent"
_TEXT_HEIGHT = 34
_MARGIN = 4


def sheet(folder: Path, gifs: list[PackGif], *, columns: int, frames: int, cell: int) -> Image.Image:
    """Return one page: each GIF as a strip of frames on dark and on white under its name and alt text."""
    width = 2 * frames * cell + _MARGIN
    height = cell + _TEXT_HEIGHT + _MARGIN
    rows = -(-len(gifs) // columns)
    page = Image.new("RGB", (columns * width, rows * height), (120, 120, 120))
    for place, gif in enumerate(gifs):
        strip = _strip(folder, gif, frames=frames, cell=cell)
        page.paste(strip, (place // rows * width, place % rows * height))
    return page


def sample_frames(path: Path, count: int) -> list[Image.Image]:
    """Return `count` RGBA frames of a GIF at even distances."""
    with Image.open(path) as picture:
        every = [frame.convert("RGBA") for frame in ImageSequence.Iterator(picture)]
    return [every[int((step + 0.5) * len(every) / count)] for step in range(count)]


def _strip(folder: Path, gif: PackGif, *, frames: int, cell: int) -> Image.Image:
    strip = Image.new("RGB", (2 * frames * cell, cell + _TEXT_HEIGHT), (30, 30, 30))
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(11)
    size = (folder / gif.file).stat().st_size // 1024
    title = f"{gif.file.removeprefix('gifs/')}  [{', '.join(gif.categories)}]  {size} KiB"
    draw.text((2, 1), title, fill=(255, 220, 90), font=font)
    draw.text((2, 17), gif.alt_text, fill=WHITE, font=font)
    pictures = sample_frames(folder / gif.file, frames)
    for place, background in enumerate((DARK, WHITE)):
        for step, picture in enumerate(pictures):
            tile = Image.new("RGB", picture.size, background)
            tile.paste(picture, mask=picture)
            if tile.width != cell:
                tile = tile.resize((cell, cell), Image.Resampling.LANCZOS)
            strip.paste(tile, ((place * frames + step) * cell, _TEXT_HEIGHT))
    return strip


def main(
    out: Annotated[Path, typer.Argument(help="Folder for the PNG files.", file_okay=False)],
    pack: Annotated[Path, typer.Option(help="Folder of the pack.", exists=True)] = _DEFAULT_PACK,
    frames: Annotated[int, typer.Option(min=1, max=12, help="Frames of each GIF.")] = 5,
    cell: Annotated[int, typer.Option(min=32, max=640, help="Width of a frame in pixels.")] = 80,
    columns: Annotated[int, typer.Option(min=1, help="GIFs side by side.")] = 2,
    rows: Annotated[int, typer.Option(min=1, help="GIFs below each other.")] = 10,
    only: Annotated[str, typer.Option(help="Only GIFs with this in their file name or categories.")] = "",
) -> None:
    """Write contact sheets of a pack, ordered by primary category, as PNG files."""
    found = [gif for gif in read_pack(pack).gifs if only in gif.file or only in gif.categories]
    gifs = sorted(found, key=lambda gif: (gif.categories[0], gif.file))
    out.mkdir(parents=True, exist_ok=True)
    step = columns * rows
    for start in track(range(0, len(gifs), step), description="Sheets"):
        page = sheet(pack, gifs[start : start + step], columns=columns, frames=frames, cell=cell)
        page.save(out / f"sheet-{start // step + 1:03d}.png")
    Console().print(f"{len(gifs)} GIFs on {-(-len(gifs) // step)} sheets in {out}")


if __name__ == "__main__":
    typer.run(main)
