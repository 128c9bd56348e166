"""Contact sheets show what has to be judged by eye."""

from pathlib import Path

from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from assets import sheet


def test_sheets_show_frames_on_both_backgrounds(tmp_path: Path) -> None:
    app = Typer()
    app.command()(sheet.main)
    result = CliRunner().invoke(app, [str(tmp_path), "--only", "mic_drop", "--rows", "50", "--columns", "1"])
    assert result.exit_code == 0
    with Image.open(tmp_path / "sheet-001.png") as page:
        colours = {colour for _, colour in page.getcolors(1 << 20) or []}
    assert {sheet.DARK, sheet.WHITE} <= colours
