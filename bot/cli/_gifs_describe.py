"""`repartee gifs describe`: captions for own GIFs that went in without one, or by another captioner."""

from __future__ import annotations

import typer

from bot.cli import _gifs_messages as messages
from bot.cli._describe import BATCH, Description, described, open_tried
from bot.cli._describe_messages import DESCRIBING, NO_CAPTIONER
from bot.cli._gifs_show import ID_DIGITS, where
from bot.cli._plain import plain
from bot.cli._scopes import read_scope
from bot.cli._service import progress_bar
from bot.cli._settings import read_settings
from inference.catalogue import GifChange, OwnGif, OwnGifs
from inference.errors import ReparteeError, UnknownGifError


def describe(pack: str, scope: str | None, *, again: bool) -> None:
    """Caption own GIFs; exits with 1 if a file could not be read.

    Args:
        pack: name of the pack, empty for all.
        scope: of which alone, None for all.
        again: also those that have a caption.

    Raises:
        ReparteeError: there is no captioner or no such pack, or the catalogue cannot be used.
    """
    settings = read_settings()
    if settings.captioner is None:
        raise ReparteeError(NO_CAPTIONER)
    place = None if scope is None else read_scope(scope)
    captioner = open_tried(settings.captioner, settings.threads)
    changed, broken = 0, list[str]()
    with OwnGifs(settings.catalogue) as own, progress_bar(DESCRIBING) as progress:
        known = own.gifs(place, pack)
        if pack and not known:
            raise UnknownGifError(messages.NO_PACK.format(pack=pack, where=where("", place)))
        gifs = [gif for gif in known if again or not gif.entry.caption]
        for start in range(0, len(gifs), BATCH):
            progress(start, len(gifs))
            batch = gifs[start : start + BATCH]
            found = described(captioner, [own.path(gif) for gif in batch])
            for gif, one in zip(batch, found, strict=True):
                if not one.error:
                    changed += _keep(own, gif, one.caption)
                elif _is_there(own, gif):
                    broken.append(_line(gif, one))
    for error in broken:
        typer.echo(plain(error), err=True)
    typer.echo(messages.DESCRIBED.format(changed=changed, count=len(gifs)))
    if broken:
        raise typer.Exit(1)


def _is_there(own: OwnGifs, gif: OwnGif) -> bool:
    """Whether a GIF is still in its pack: where somebody has removed it meanwhile, nothing is wrong."""
    try:
        own.find(gif.scope, gif.id)
    except UnknownGifError:
        return False
    return True


def _line(gif: OwnGif, found: Description) -> str:
    label = messages.NAMED.format(name=gif.entry.name, id=gif.id[:ID_DIGITS])
    return messages.REFUSED_LINE.format(label=label, text=found.error)


def _keep(own: OwnGifs, gif: OwnGif, caption: str) -> bool:
    """Store a caption, and tell whether it is another than before; its alt text and vector follow."""
    if caption == gif.entry.caption:
        return False
    try:
        own.edit(gif.scope, gif.id, GifChange(caption=caption))
    except UnknownGifError:  # somebody has removed it meanwhile
        return False
    return True
