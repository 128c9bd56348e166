"""`repartee gifs`: the commands and their options; what they do is in the `_gifs_` modules beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import _gifs_messages as messages

gifs = typer.Typer(
    name="gifs",
    help=messages.HELP,
    epilog=messages.EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Json = Annotated[bool, typer.Option("--json", help="Print an object a line, for programs.")]
OfPack = Annotated[str, typer.Option("--pack", metavar="NAME", help="Only of this pack.", show_default=False)]
OfScope = Annotated[
    str | None,
    typer.Option("--scope", metavar="SCOPE", help="Only of discord:GUILD or slack:TEAM; '' is everybody."),
]
Tags = Annotated[str | None, typer.Option("--tags", metavar="A,B", help="What they are good for.")]
Categories = Annotated[
    str | None, typer.Option("--categories", metavar="A,B", help="Up to three, the best one first.")
]
Name = Annotated[str | None, typer.Option("--name", help="A short name.")]
Alt = Annotated[str | None, typer.Option("--alt", metavar="TEXT", help="What it shows, in a sentence.")]
Wanted = Annotated[str, typer.Argument(metavar="ID|NAME", help="Its id, the beginning of that, or its name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@gifs.command(help=messages.ADD_HELP, epilog=messages.ADD_EPILOG)
def add(
    what: Annotated[list[str], typer.Argument(metavar="PATH|DIR|URL", help="Files, folders, links.")],
    pack: Annotated[str, typer.Option("--pack", metavar="NAME", help="The pack they go into.")] = "own",
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="Who alone sees them: discord:GUILD or slack:TEAM.",
            show_default="everybody",
        ),
    ] = "",
    tags: Tags = None,
    categories: Categories = None,
    name: Name = None,
    alt: Alt = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Such as CC0-1.0.")] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", metavar="STAGE", help="duplicate, flash, text or rating; repeatable."),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, max=64, help="Files at a time.")] = 2,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Add GIFs."""
    from bot.cli import _gifs_add

    template = _gifs_add.wishes(
        pack=pack, scope=scope, tags=tags, categories=categories, name=name, alt_text=alt, licence=licence
    )
    _gifs_add.add(what, template, skip or [], processes=processes, as_json=as_json, is_sure=yes)


@gifs.command(name="list", help=messages.LIST_HELP, epilog=messages.LIST_EPILOG)
def list_gifs(pack: OfPack = "", scope: OfScope = None, as_json: Json = False) -> None:
    """List own GIFs."""
    from bot.cli import _gifs_show

    _gifs_show.show_list(pack, scope, as_json=as_json)


@gifs.command(help=messages.SHOW_HELP, epilog=messages.SHOW_EPILOG)
def show(wanted: Wanted, scope: OfScope = None, as_json: Json = False) -> None:
    """Show one."""
    from bot.cli import _gifs_show

    _gifs_show.show_one(wanted, scope, as_json=as_json)


@gifs.command(help=messages.EDIT_HELP, epilog=messages.EDIT_EPILOG)
def edit(
    wanted: Wanted,
    scope: OfScope = None,
    tags: Tags = None,
    categories: Categories = None,
    name: Name = None,
    alt: Alt = None,
    rating: Annotated[str | None, typer.Option("--rating", help="g, pg, pg-13 or r.")] = None,
    to_pack: Annotated[
        str | None, typer.Option("--to-pack", metavar="NAME", help="The pack it moves to.")
    ] = None,
) -> None:
    """Change one."""
    from bot.cli import _gifs_change

    change = _gifs_change.change(
        name=name, tags=tags, categories=categories, alt_text=alt, rating=rating, pack=to_pack
    )
    _gifs_change.edit(wanted, scope, change)


@gifs.command(help=messages.DESCRIBE_HELP, epilog=messages.DESCRIBE_EPILOG)
def describe(
    pack: OfPack = "",
    scope: OfScope = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that have a caption.")] = False,
) -> None:
    """Caption some."""
    from bot.cli import _gifs_describe

    _gifs_describe.describe(pack, scope, again=again)


@gifs.command(help=messages.REMOVE_HELP, epilog=messages.REMOVE_EPILOG)
def remove(
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="ID|NAME", help="By id or name.", show_default=False)
    ] = None,
    pack: OfPack = "",
    scope: OfScope = None,
    whole_pack: Annotated[bool, typer.Option("--all", help="All GIFs of --pack.")] = False,
    yes: Yes = False,
) -> None:
    """Remove some."""
    from bot.cli import _gifs_change

    _gifs_change.remove(wanted or [], pack, scope, is_whole_pack=whole_pack, is_sure=yes)


@gifs.command(help=messages.EXPORT_HELP, epilog=messages.EXPORT_EPILOG)
def export(
    folder: Annotated[Path, typer.Argument(help="Where the pack goes; made if it is not there.")],
    pack: OfPack = "",
    scope: Annotated[
        str,
        typer.Option(
            "--scope", metavar="SCOPE", help="discord:GUILD or slack:TEAM.", show_default="everybody"
        ),
    ] = "",
) -> None:
    """Write a pack."""
    from bot.cli import _gifs_change

    _gifs_change.export(pack, scope, folder)


@gifs.command(help=messages.CHECK_HELP)
def check() -> None:
    """Look whether all is sound."""
    from bot.cli import _gifs_change

    _gifs_change.check()
