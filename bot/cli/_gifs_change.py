"""`repartee gifs edit`, `remove`, `export` and `check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click
import typer

from bot.categories import read_categories
from bot.cli import _gifs_messages as messages
from bot.cli._gifs_show import ID_DIGITS, find, where
from bot.cli._gifs_words import read_pack_name, read_rating, split
from bot.cli._plain import plain
from bot.cli._scopes import read_scope
from bot.cli._settings import Settings, read_settings
from inference import catalogue
from inference.catalogue import GifChange, OwnGif, OwnGifs
from inference.errors import MessageError, PackError, UnknownGifError
from inference.ingest import missing_extras
from inference.pack import read_pack
from inference.wording import legible


def change(
    *,
    name: str | None,
    tags: str | None,
    categories: str | None,
    alt_text: str | None,
    rating: str | None,
    pack: str | None,
) -> GifChange:
    """Read what is to be changed.

    Raises:
        MessageError: something of it cannot be used, or there is nothing.
    """
    if name is not None and not legible(name):
        raise MessageError(messages.BLANK.format(option="--name"))
    known = None if categories is None else read_categories(split(categories))
    if known == []:
        raise MessageError(messages.NO_CATEGORIES)
    wanted = GifChange(
        name=name and name.strip(),
        tags=None if tags is None else split(tags),
        categories=known,
        alt_text=alt_text and alt_text.strip(),
        rating=read_rating(rating),
        pack=None if pack is None else read_pack_name(pack),
    )
    if wanted == GifChange():
        raise MessageError(messages.NO_CHANGE)
    return wanted


def edit(wanted: str, scope: str | None, what: GifChange) -> None:
    """Change a GIF.

    Raises:
        UnknownGifError: there is none, or there are several.
        ReparteeError: the catalogue cannot be used.
    """
    with OwnGifs(read_settings().catalogue) as own:
        gif = find(own, wanted, scope)
        gif = own.edit(gif.scope, gif.id, what)
    typer.echo(messages.EDITED.format(name=plain(gif.entry.name), id=gif.id[:ID_DIGITS]))


def remove(
    wanted: Sequence[str], pack: str, scope: str | None, *, is_whole_pack: bool, is_sure: bool
) -> None:
    """Remove GIFs, or a whole pack; asks first unless `is_sure`.

    Raises:
        UnknownGifError: there is no such GIF; nothing is removed then.
        ReparteeError: the options do not go together, or the catalogue cannot be used.
    """
    if bool(pack) != is_whole_pack:
        raise MessageError(messages.PACK_AND_ALL)
    if wanted and pack:
        raise MessageError(messages.GIFS_AND_PACK)
    if not wanted and not pack:
        raise MessageError(messages.NOBODY_NAMED)
    with OwnGifs(read_settings().catalogue) as own:
        gifs = _of_pack(own, pack, scope) if pack else _named(own, wanted, scope)
        _ask(gifs, pack, is_sure=is_sure)
        for gif in gifs:
            own.remove(gif.scope, gif.id)
            if not pack:
                typer.echo(messages.REMOVED.format(name=plain(gif.entry.name), id=gif.id[:ID_DIGITS]))
    if pack:
        typer.echo(messages.REMOVED_PACK.format(count=len(gifs)))


def export(pack: str, scope: str, folder: Path) -> None:
    """Write own GIFs to a folder.

    Raises:
        ReparteeError: there are none, or the folder cannot be written.
    """
    place = read_scope(scope)
    with OwnGifs(read_settings().catalogue) as own:
        if not own.gifs(place, pack):
            raise UnknownGifError(messages.NOTHING_TO_EXPORT.format(where=where(pack, place)))
        count = catalogue.export(own, place, pack, folder)
    typer.echo(messages.EXPORTED.format(count=count, folder=folder))


def check() -> None:
    """Look whether all GIFs are sound; exits with 1 when some are not.

    Raises:
        ReparteeError: the catalogue cannot be used.
    """
    settings = read_settings()
    with OwnGifs(settings.catalogue) as own:
        problems = catalogue.check(own)
        count = len(own.gifs())
    shipped, missing = _check_shipped(settings)
    for line in [*problems, *missing]:
        typer.echo(plain(line))
    for extra in [*missing_extras(), *(["mcp"] if find_spec("mcp") is None else [])]:
        typer.echo(messages.EXTRA_MISSING.format(extra=extra, loss=messages.EXTRAS[extra]))
    if problems or missing:
        typer.echo(messages.PROBLEMS.format(count=len(problems) + len(missing)))
        raise typer.Exit(1)
    typer.echo(messages.SOUND.format(own=count, shipped=shipped))


def _of_pack(own: OwnGifs, pack: str, scope: str | None) -> list[OwnGif]:
    place = None if scope is None else read_scope(scope)
    gifs = own.gifs(place, pack)
    if not gifs:
        raise UnknownGifError(messages.NO_PACK.format(pack=pack, where=where("", place)))
    scopes = sorted({gif.scope for gif in gifs})
    if len(scopes) > 1:
        places = ", ".join(name or messages.EVERYBODY for name in scopes)
        raise UnknownGifError(messages.IN_SEVERAL.format(wanted=pack, scopes=places))
    return gifs


def _named(own: OwnGifs, wanted: Sequence[str], scope: str | None) -> list[OwnGif]:
    found = [find(own, one, scope) for one in wanted]
    return list({(gif.scope, gif.id): gif for gif in found}.values())


def _ask(gifs: Sequence[OwnGif], pack: str, *, is_sure: bool) -> None:
    if is_sure:
        return
    what = f'"{plain(gifs[0].entry.name)}"' if len(gifs) == 1 else messages.COUNTED.format(count=len(gifs))
    if pack:
        what += messages.WHERE_PACK.format(pack=pack)
    if not sys.stdin.isatty():
        raise MessageError(messages.NOBODY_ASKED)
    if not click.confirm(messages.REMOVE.format(what=what), err=True):
        raise typer.Exit(1)


def _check_shipped(settings: Settings) -> tuple[int, list[str]]:
    count, problems = 0, []
    for folder in settings.packs:
        try:
            gifs = read_pack(folder).gifs
        except PackError as error:
            problems.append(str(error))
            continue
        count += len(gifs)
        files = [folder / gif.file for gif in gifs]
        problems += [messages.FILE_MISSING.format(path=path) for path in files if not path.is_file()]
    return count, problems
