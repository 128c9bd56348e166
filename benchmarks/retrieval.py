"""Do emoji drawings of a style never trained on find the GIF of the same emoji in the pack?

Drawings and GIFs go through the bundle's own image graph. A drawing is searched among all GIFs of the pack:
by the image vectors of four frames, by those of the first frame alone, and by the fused vectors that the
catalogue holds. The right answer is the GIF made of the drawn emoji; a composition in which the emoji plays
a part counts in the second pair of columns only.

    python -m benchmarks.retrieval --json retrieval.json
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._timing import Verdict, machine, print_verdicts, write_json
from export.data.drawings import Pixels, drawings
from export.data.emoji import canonical, emoji_table
from export.data.styles import DEV_STYLE, TEST_STYLE, Style
from inference.bundle import Bundle, load_bundle
from inference.catalogue import Catalogue
from inference.encoders import ImageEncoder, TextEncoder
from inference.fusion import GifEmbedder
from inference.pack import Pack, PackGif, read_pack

ROOT = Path(__file__).resolve().parents[1]
FRAMES, FIRST, FUSED = "image, 4 frames", "image, first frame", "fused, as in the catalogue"
AT = (1, 10)
GOALS = {1: 0.5, 10: 0.8}

Floats = npt.NDArray[np.float32]
BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Row:
    """What one style's drawings find by one kind of vector.

    Attributes:
        right: Share of drawings with the GIF of their emoji among the first k.
        shown: The same, compositions that show the emoji counted as right.
    """

    style: str
    vectors: str
    drawings: int
    gifs: int
    right: dict[int, float]
    shown: dict[int, float]


def main(
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    json_file: JsonFile = None,
) -> None:
    """Measure how well drawings find GIFs."""
    console = Console()
    opened, gifs = load_bundle(bundle), read_pack(pack)
    encoder = ImageEncoder(opened)
    vectors = {
        FRAMES: gif_vectors(gifs, encoder.encode_file, FRAMES),
        FIRST: gif_vectors(gifs, lambda path: encoder.encode([first_frame(path)]), FIRST),
        FUSED: fused_vectors(opened, gifs),
    }
    rows = [row for style in (TEST_STYLE, DEV_STYLE) for row in measure(style, gifs.gifs, encoder, vectors)]
    print_rows(console, rows)
    tested = {row.vectors: row for row in rows if row.style == TEST_STYLE.name}
    verdicts = [
        Verdict(f"{TEST_STYLE.name}: recall@{k}", tested[FRAMES].right[k], "", goal, is_at_most=False)
        for k, goal in GOALS.items()
    ]
    print_verdicts(console, verdicts)
    if json_file:
        content = {"machine": machine(), "bundle": opened.label, "rows": [asdict(row) for row in rows]}
        write_json(json_file, content)


def gif_vectors(pack: Pack, encode: Callable[[Path], Floats], what: str) -> Floats:
    """Return the vectors of all GIFs, (gifs, dim) float32, unit norm."""
    paths = [pack.folder / gif.file for gif in pack.gifs]
    return np.stack([encode(path) for path in track(paths, description=what, transient=True)])


def first_frame(path: Path) -> Image.Image:
    """Return the first frame of a GIF."""
    with Image.open(path) as image:
        return image.convert("RGBA")


def fused_vectors(bundle: Bundle, pack: Pack) -> Floats:
    """Return the vectors that a fresh catalogue holds, in the order of the pack."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(Path(folder) / "catalogue.sqlite")
        try:
            embed = GifEmbedder(bundle, TextEncoder(bundle))
            snapshot = catalogue.sync([pack], bundle.vector_key, bundle.spec.embedding_dim, embed)
        finally:
            catalogue.close()
    rows = {gif.entry.id: row for row, gif in enumerate(snapshot.gifs)}
    return snapshot.vectors[[rows[gif.id] for gif in pack.gifs]]


def measure(
    style: Style, gifs: Sequence[PackGif], encoder: ImageEncoder, vectors: dict[str, Floats]
) -> list[Row]:
    """Search with every drawing whose emoji has a GIF of its own."""
    own = [canonical(gif.source.code_point) if gif.source.code_point else "" for gif in gifs]
    parts = [{canonical(code) for code in gif.source.composed_from} for gif in gifs]
    found = drawings(style, emoji_table())
    asked = [code for code in dict.fromkeys(own) if code in found]
    queries = embed_drawings(encoder, [found[code] for code in asked], style.name)
    right = np.array([[code == other for other in own] for code in asked])
    shown = right | np.array([[code in part for part in parts] for code in asked])
    rows = []
    for name, gallery in vectors.items():
        order = np.argsort(-queries @ gallery.T, axis=1, kind="stable")
        scores = (recalls(order, answers) for answers in (right, shown))
        rows.append(Row(style.name, name, len(asked), len(gifs), *scores))
    return rows


def embed_drawings(encoder: ImageEncoder, pictures: Sequence[Pixels], style: str) -> Floats:
    """Return the vectors of drawings, each a single frame, (drawings, dim) float32, unit norm."""
    steps = track(pictures, description=style, transient=True)
    return np.stack([encoder.encode([Image.fromarray(picture)]) for picture in steps])


def recalls(order: npt.NDArray[np.int64], answers: npt.NDArray[np.bool_]) -> dict[int, float]:
    """Return the share of queries with a right answer among the first k, for each k."""
    hits = np.take_along_axis(answers, order, axis=1)
    return {k: float(hits[:, :k].any(1).mean()) for k in AT}


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """Print a table."""
    table = Table(title=f"Drawings that find their GIF among {rows[0].gifs}")
    for name in ("style", "drawings", "vectors", *(f"recall@{k}" for k in AT), *(f"shown@{k}" for k in AT)):
        table.add_column(name)
    for row in rows:
        figures = [f"{value:.3f}" for values in (row.right, row.shown) for value in values.values()]
        table.add_row(row.style, str(row.drawings), row.vectors, *figures)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
