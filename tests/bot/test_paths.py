import io
from pathlib import Path

import pytest
from rich.text import Text

from bot.cli._paths import fold_path
from bot.cli._show import show
from inference.protocol import Reaction, ReactReply

FOLDER = Path("/home/somebody/with-a-long-name/projects/chat/assets/packs/fluent/gifs")
NAME = "smiling-face-with-hearts.gif"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, ["/home/anna/packs/hug.gif"]),
        (24, ["/home/anna/packs/hug.gif"]),
        (23, ["/home/anna/packs/", "hug.gif"]),
        (12, ["/home/anna/", "packs/", "hug.gif"]),
        (3, ["/", "home/", "anna/", "packs/", "hug.gif"]),
    ],
)
def test_a_path_is_folded_where_a_folder_ends(width: int, lines: list[str]) -> None:
    assert fold_path("/home/anna/packs/hug.gif", width) == lines


@pytest.mark.parametrize("width", [80, 84, 100, 110, 150, 200])
def test_a_table_keeps_file_names_in_one_piece(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    reaction = Reaction(
        id="a",
        file=str(FOLDER / NAME),
        name="Smiling face with open hands",
        categories=["happy_dance"],
        alt_text="A yellow smiley opens its arms wide for a hug and closes its eyes.",
        score=0.5,
        confidence=0.7,
        why="it is of the kind",
        code_point="1f917",
    )
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdout", terminal)
    show(ReactReply(hold=0, reactions=[reaction], bundle="b", catalogue="c"), is_held=False)
    rows = [Text.from_ansi(row).plain for row in terminal.getvalue().splitlines()]
    assert any(NAME in row for row in rows)
    assert max(len(row) for row in rows) <= width
