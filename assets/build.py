"""Build the pack `assets/packs/fluent`: `python -m assets.build`.

The same sources give the same bytes with the same versions of Pillow and numpy.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from assets.catalogue import Item, read_items
from assets.pack import Made, PackLimitError, check, describe, write
from assets.sources import TARBALLS, EmojiSource, SourceError, default_cache, open_source
from assets.workers import encode_all

DEFAULT_OUT = Path(__file__).parent / "packs" / "fluent"

console = Console()


def main(
    out: Annotated[Path, typer.Option(help="Folder of the pack; its GIFs are replaced.")] = DEFAULT_OUT,
    source: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the four npm tarballs, as `npm pack` names them; else they are downloaded.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for downloads, unpacked pictures and GIFs made before (about 1.1 GB)."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 2,
    only: Annotated[
        str, typer.Option(help="Make only the GIFs with this in their file name; needs --out.")
    ] = "",
) -> None:
    """Make the animated GIFs and the manifest of the Fluent pack.

    Takes Microsoft Fluent Emoji animations (MIT) from four npm packages at pinned versions, composes the
    reactions that the set lacks, and writes 160 px GIFs and a line for each in manifest.jsonl.
    """
    if only and out == DEFAULT_OUT:
        message = "would leave the pack incomplete: name another folder with --out"
        raise typer.BadParameter(message, param_hint="--only")
    cache = cache or default_cache()
    try:
        emoji = _open_emoji(cache, source)
        items = [item for item in read_items() if only in item.slug]
        made = _make(items, cache, jobs)
        check(made)
        write(out, [describe(item, made[item.slug], emoji) for item in items], made)
    except (SourceError, PackLimitError, ValueError, OSError) as error:
        console.print(f"[red]The pack was not built:[/red] {error}")
        raise typer.Exit(1) from error
    console.print(f"{len(made)} GIFs, {sum(map(len, made.values())) / 2**20:.1f} MiB, in {out}")


def _open_emoji(cache: Path, tarballs: Path | None) -> EmojiSource:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Fluent Emoji from npm", total=sum(one.size for one in TARBALLS))
        return open_source(cache, tarballs, lambda count: progress.update(task, advance=count))


def _make(items: list[Item], cache: Path, jobs: int) -> Made:
    made: Made = {}
    label = TextColumn("{task.description}")
    columns = (label, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("GIFs", total=len(items))
        for item, content in zip(items, encode_all(items, cache, jobs), strict=True):
            made[item.slug] = content
            progress.update(task, advance=1, description=f"{item.slug:<32.32}")
    return made


if __name__ == "__main__":
    typer.run(main)
