"""An answer drawn for a person: a picture of the best GIF, what it is, and the table of all."""

from __future__ import annotations

import os
from pathlib import Path

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.cli import _preview
from bot.cli._paths import FoldedPath
from bot.cli._plain import plain
from bot.cli.messages import HELD, HELD_OFFER, NO_GENTLE
from inference.protocol import Reaction, ReactReply

NARROW = 100  # columns below which names are folded early, to leave room for a file name in one piece
NAME_WIDTH = 12
WIDE = 150  # columns from which the path gets a column of its own
PIPED_WIDTH = 200  # output that no terminal wraps
BAR = 8
BAR_MARKS = ("━", "─")
ASCII_BAR_MARKS = ("#", "-")


def show(reply: ReactReply, *, is_held: bool) -> None:
    """Print an answer on stdout, notes on stderr."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    for note in reply.notes:
        Console(stderr=True).print(note, style="yellow")
    if is_held:
        console.print(_held(reply.hold))
    if not reply.reactions:
        console.print(NO_GENTLE)
        return
    _show_best(console, reply.reactions[0])
    marks = ASCII_BAR_MARKS if console.options.ascii_only else BAR_MARKS
    console.print(_table(reply.reactions, marks, console.width))


def _held(hold: float) -> Text:
    return Text.assemble(
        ("✋ " + HELD.format(hold=hold).replace("%", " %"), "bold yellow"), " ", (HELD_OFFER, "yellow")
    )


def _show_best(console: Console, best: Reaction) -> None:
    can_draw = console.is_terminal and not console.no_color
    way = _preview.choose_way(os.environ, console.color_system if can_draw else None)
    path = Path(best.file)
    if way is None or not path.is_file():  # a worker on another host names a file of that host
        return
    console.print()
    if way == "blocks":
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            "", _preview.half_blocks(_preview.middle_frame(path)), Align(_describe(best), vertical="middle")
        )
        console.print(grid)
    else:
        escape = (
            _preview.iterm_escape(path)
            if way == "iterm"
            else _preview.kitty_escape(_preview.middle_frame(path))
        )
        console.file.write(escape)
        console.print(_describe(best))
    console.print()


def _describe(best: Reaction) -> RenderableType:
    return Group(
        Text.assemble(
            (plain(best.name), "bold"), "  ", (f" {_plain(best.categories[0])} ", "bold white on dark_cyan")
        ),
        Text(plain(best.alt_text)),
        Text(best.why[:1].upper() + best.why[1:], style="dim"),
    )


def _table(reactions: list[Reaction], marks: tuple[str, str], width: int) -> Table:
    has_path_column = width >= WIDE
    table = Table(
        box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, leading=0 if has_path_column else 1
    )
    table.add_column("", style="dim", justify="right")
    name_width = NAME_WIDTH if width < NARROW else None
    table.add_column("GIF", style="bold", min_width=NAME_WIDTH, max_width=name_width)
    table.add_column("Category", style="cyan", no_wrap=True)
    table.add_column("Confidence", no_wrap=True)
    table.add_column("Alt text" if has_path_column else "Alt text and path", ratio=1)
    if has_path_column:
        table.add_column("Path", overflow="fold")
    for place, reaction in enumerate(reactions, start=1):
        words = Text(plain(reaction.alt_text))
        path = _path(reaction)
        cells: list[RenderableType] = [
            str(place),
            Text(plain(reaction.name)),
            _plain(reaction.categories[0]),
            _confidence(reaction.confidence, marks),
        ]
        if has_path_column:
            table.add_row(*cells, words, path)
        else:
            table.add_row(*cells, Group(words, path))
    return table


def _confidence(value: float, marks: tuple[str, str]) -> Text:
    filled = round(value * BAR)
    style = "green" if value >= 0.6 else "yellow" if value >= 0.3 else "red"
    return Text.assemble(
        (marks[0] * filled, style),
        (marks[1] * (BAR - filled), "bright_black"),
        f" {value:4.0%}".replace("%", " %"),
    )


def _path(reaction: Reaction) -> FoldedPath:
    path = Path(reaction.file)
    inside = path.is_relative_to(Path.cwd())
    shown = path.relative_to(Path.cwd()) if inside else path
    return FoldedPath(str(shown), style=f"dim link {path.as_uri()}")


def _plain(category: str) -> str:
    return category.replace("_", " ")
