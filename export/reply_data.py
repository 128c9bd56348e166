"""Reads (text, GIF) pairs: a folder of one's own, or a file of ids with texts and GIFs that somebody has."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from export.data.reactions import DataError
from inference.preprocess import plain_text

PAIRS = ("pairs.jsonl", "pairs.csv")
TEXT_KEYS = ("original_id", "id", "idx")
"""What an id file calls the number of a text, in the order in which it is looked for."""

GIF_FILE = "gif"
GIF_KEYS = ("reply_id", "idx")
"""What an id file calls the number of a GIF where it names no file."""

PICTURES = frozenset({".gif", ".webp", ".apng", ".png", ".jpg", ".jpeg"})
FOLDER_HELP = 'lines such as {"text": "I miss you", "gif": "gifs/hug.gif"}'

Row = Mapping[str, Any]
Tell = Callable[[str], None]


class Pair(NamedTuple):
    """A text, the GIF that answered it, and where that is written, for messages."""

    text: str
    gif: Path
    place: str


def read_pairs(
    source: Path, *, texts: Path | None = None, gifs: Path | None = None, tell: Tell = print
) -> list[Pair]:
    """Read the pairs of a folder with pairs.jsonl or pairs.csv, or of an id file.

    Args:
        source: the folder, whose file names GIFs relative to it; or the id file, JSON lines or CSV.
        texts: of an id file: JSON lines or CSV with the fields id and text.
        gifs: of an id file: folder of the GIFs.
        tell: told what an id file lacks, a line at a time.

    Raises:
        DataError: a file is missing or a line cannot be used; the message names the line.
    """
    if source.is_dir():
        if texts is not None or gifs is not None:
            raise DataError("--texts and --gifs belong to a file of ids; a folder has its own texts and GIFs")
        return _read_folder(source)
    if not source.is_file():
        raise DataError(f"{source} is neither a folder with {' or '.join(PAIRS)} nor a file of ids")
    if gifs is None:
        raise DataError(f"{source} names GIFs by their ids: give the folder that has them with --gifs")
    if not gifs.is_dir():
        raise DataError(f"{gifs}, given with --gifs, is not a folder")
    return _read_ids(source, _read_texts(texts) if texts is not None else {}, gifs, tell)


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield the number of the line and the fields of each row of a CSV file with a header, or of JSON lines.

    Raises:
        DataError: the file cannot be read, or a line is not of that form.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                table = csv.DictReader(file, strict=True)
                for row in table:
                    yield table.line_num, row
            else:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield number, _parsed(line, f"{path}, line {number}")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason}") from error
    except csv.Error as error:
        raise DataError(f"{path}, line {table.line_num}: not CSV ({error})") from error


def _parsed(line: str, place: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise DataError(f"{place}: no named fields, expected {FOLDER_HELP}")
    return row


def _read_folder(folder: Path) -> list[Pair]:
    found = [folder / name for name in PAIRS if (folder / name).is_file()]
    if len(found) != 1:
        what = "both" if found else "neither"
        raise DataError(f"{folder} has {what} of {' and '.join(PAIRS)}: it needs one, {FOLDER_HELP}")
    pairs = []
    for number, row in read_rows(found[0]):
        place = f"{found[0]}, line {number}"
        text, gif = _text(row, place), _field(row, "gif", place)
        path = folder / gif
        if not os.path.isfile(path):  # False, too, where no file can have such a name
            raise DataError(f"{place}: there is no GIF {path}")
        pairs.append(Pair(text, path, place))
    if not pairs:
        raise DataError(f"{found[0]} has no pairs: it needs {FOLDER_HELP}")
    return pairs


def _read_texts(path: Path) -> dict[str, str]:
    found = {}
    for number, row in read_rows(path):
        key = _field(row, "id", f"{path}, line {number}")
        if text := _readable(row):
            found[key] = text
    return found


def _read_ids(source: Path, texts: Mapping[str, str], gifs: Path, tell: Tell) -> list[Pair]:
    names = {path.stem: path for path in sorted(gifs.iterdir()) if path.suffix.lower() in PICTURES}
    pairs, rows, no_text, no_gif = [], 0, 0, 0
    for number, row in read_rows(source):
        place, rows = f"{source}, line {number}", rows + 1
        text = _readable(row) if "text" in row else _known(row, TEXT_KEYS, texts, place, "text")
        gif = _gif(row, gifs, names, place)
        if text and gif:
            pairs.append(Pair(text, gif, place))
        no_text, no_gif = no_text + (not text), no_gif + (not gif)
    if not pairs:
        raise DataError(
            f"{source}: none of its {rows} lines has both a text ({no_text} have none) and a GIF ({no_gif} "
            "have none); texts are found by original_id, GIFs by reply_id as the name of their file"
        )
    if len(pairs) < rows:
        left_out = f"{rows - len(pairs)} of {rows} lines left out"
        tell(f"{source}: {left_out}, {no_text} without a text, {no_gif} without a GIF.")
    return pairs


def _gif(row: Row, gifs: Path, names: Mapping[str, Path], place: str) -> Path | None:
    """Return the file that a line names itself, else the one that is called after its number."""
    path = gifs / str(row.get(GIF_FILE) or "")
    if os.path.isfile(path):
        return path
    if GIF_FILE in row and not any(key in row for key in GIF_KEYS):
        return None
    found: Path | None = _known(row, GIF_KEYS, names, place, "GIF")
    return found


def _known(row: Row, keys: tuple[str, ...], known: Mapping[str, Any], place: str, what: str) -> Any:
    """Return what belongs to a line's number, None where nothing does.

    That is the first of the keys that the line has: numbers under another key count something else, and may
    be those of other texts and GIFs.
    """
    key = next((key for key in keys if key in row), None)
    if key is None:
        raise DataError(f"{place}: no id of a {what}, expected one of {', '.join(keys)}")
    return known.get(str(row[key]))


def _field(row: Row, name: str, place: str) -> str:
    value = row.get(name)
    if value is None or isinstance(value, dict | list) or not str(value).strip():
        raise DataError(f"{place}: the field {name!r} is missing or empty")
    return str(value)


def _text(row: Row, place: str) -> str:
    """Return the text on one line as the towers read it."""
    _field(row, "text", place)
    text = _readable(row)
    if not text:
        raise DataError(f"{place}: nothing readable is in the text")
    return text


def _readable(row: Row) -> str:
    """Return the text on one line, nothing where there is none that can be read."""
    value = row.get("text")
    return "" if value is None or isinstance(value, dict | list) else plain_text(str(value))
