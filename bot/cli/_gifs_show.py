"""`repartee gifs list` and `show`: own GIFs for a person or as JSON."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli import _gifs_messages as messages
from bot.cli import _preview
from bot.cli._plain import plain
from bot.cli._scopes import read_scope
from bot.cli._settings import read_settings
from inference.catalogue import OwnGif, OwnGifs
from inference.errors import UnknownGifError

PIPED_WIDTH = 200  # output that no terminal wraps
ID_DIGITS = 8
KIB = 1024


class GifLine(msgspec.Struct, frozen=True):
    """An own GIF in the JSON output; `added_at` in seconds since 1970."""

    id: str
    name: str
    pack: str
    scope: str
    categories: list[str]
    tags: list[str]
    alt_text: str
    text: str
    caption: str
    rating: str
    licence: str
    bytes: int
    added_at: int
    file: str


def show_list(pack: str, scope: str | None, *, as_json: bool) -> None:
    """List own GIFs on stdout.

    Raises:
        ReparteeError: the catalogue cannot be used.
    """
    place = None if scope is None else read_scope(scope)
    with OwnGifs(read_settings().catalogue) as own:
        gifs = own.gifs(place, pack)
        if as_json:
            for gif in gifs:
                typer.echo(msgspec.json.encode(_line(gif, own.path(gif))))
            return
    if not gifs:
        typer.echo(messages.NONE_YET.format(where=where(pack, place)))
        return
    console = _console()
    console.print(_table(gifs))
    size = _size(sum(gif.bytes for gif in gifs))
    console.print(
        (messages.TOTAL if len(gifs) > 1 else messages.ONE).format(count=len(gifs), size=size),
        style="dim",
        highlight=False,
    )


def show_one(wanted: str, scope: str | None, *, as_json: bool) -> None:
    """Show one own GIF on stdout.

    Raises:
        UnknownGifError: there is none, or there are several.
        ReparteeError: the catalogue cannot be used.
    """
    with OwnGifs(read_settings().catalogue) as own:
        gif = find(own, wanted, scope)
        path = own.path(gif)
    if as_json:
        typer.echo(msgspec.json.encode(_line(gif, path)))
        return
    console = _console()
    _picture(console, path)
    console.print(_details(gif, path))


def find(own: OwnGifs, wanted: str, scope: str | None) -> OwnGif:
    """Return the GIF of an id, the beginning of one, or a name; of any scope where none is named.

    Raises:
        UnknownGifError: there is none, or there are several.
    """
    if scope is not None:
        return own.find(read_scope(scope), wanted)
    found: list[OwnGif] = []
    errors: list[UnknownGifError] = []
    for place in sorted({pack.scope for pack in own.packs()} | {""}):
        try:
            found.append(own.find(place, wanted))
        except UnknownGifError as error:
            errors.append(error)
    if not found:
        raise max(errors, key=lambda error: len(str(error)))  # "several" has more to say than "none"
    if len(found) > 1:
        scopes = ", ".join(gif.scope or messages.EVERYBODY for gif in found)
        raise UnknownGifError(messages.IN_SEVERAL.format(wanted=wanted, scopes=scopes))
    return found[0]


def where(pack: str, scope: str | None) -> str:
    """Say in words which GIFs were asked for."""
    return (messages.WHERE_PACK.format(pack=pack) if pack else "") + (
        messages.WHERE_SCOPE.format(scope=scope or messages.EVERYBODY) if scope is not None else ""
    )


def _line(gif: OwnGif, path: Path) -> GifLine:
    entry = gif.entry
    return GifLine(
        id=gif.id,
        name=entry.name,
        pack=gif.pack,
        scope=gif.scope,
        categories=entry.categories,
        tags=entry.tags,
        alt_text=entry.alt_text,
        text=entry.text,
        caption=entry.caption,
        rating=entry.rating,
        licence=entry.licence,
        bytes=gif.bytes,
        added_at=gif.added_at,
        file=str(path),
    )


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


def _table(gifs: list[OwnGif]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    for name in messages.COLUMNS:
        is_short = name in ("Id", "Rating", "Size")
        table.add_column(name, no_wrap=is_short, justify="right" if name == "Size" else "left")
    for gif in gifs:
        entry = gif.entry
        table.add_row(
            Text(gif.id[:ID_DIGITS], style="dim"),
            Text(plain(entry.name), style="bold"),
            Text(plain(gif.pack)),
            Text(gif.scope or messages.EVERYBODY),
            Text(_spoken(entry.categories), style="cyan"),
            Text(plain(", ".join(entry.tags))),
            Text(entry.rating),
            Text(_size(gif.bytes)),
        )
    return table


def _details(gif: OwnGif, path: Path) -> Table:
    entry = gif.entry
    known = {
        "id": gif.id,
        "pack": gif.pack,
        "scope": gif.scope or messages.EVERYBODY,
        "categories": _spoken(entry.categories),
        "tags": ", ".join(entry.tags),
        "alt_text": entry.alt_text,
        "text": entry.text,
        "caption": entry.caption,
        "rating": entry.rating,
        "licence": entry.licence,
        "size": _size(gif.bytes),
        "added": f"{datetime.fromtimestamp(gif.added_at, UTC).astimezone():%Y-%m-%d %H:%M}",
        "file": str(path),
    }
    table = Table.grid(padding=(0, 2))
    table.add_row("", Text(plain(entry.name), style="bold"))
    for field, value in known.items():
        if value:
            table.add_row(Text(messages.FIELDS[field], style="dim"), Text(plain(value), overflow="fold"))
    return table


def _picture(console: Console, path: Path) -> None:
    can_draw = console.is_terminal and not console.no_color
    way = _preview.choose_way(os.environ, console.color_system if can_draw else None)
    if way is None or not path.is_file():
        return
    if way == "blocks":
        console.print(_preview.half_blocks(_preview.middle_frame(path)))
    elif way == "iterm":
        console.file.write(_preview.iterm_escape(path))
    else:
        console.file.write(_preview.kitty_escape(_preview.middle_frame(path)))
    console.print()


def _spoken(categories: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in categories)


def _size(count: int) -> str:
    return f"{count / KIB / KIB:.1f} MiB" if count >= KIB * KIB else f"{-(-count // KIB)} KiB"
