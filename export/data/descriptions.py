"""What is seen in the drawings of emoji, in words of our own."""

import json
from pathlib import Path

PATH = Path(__file__).parent / "messages" / "descriptions.jsonl"


def read_descriptions(path: Path = PATH) -> dict[str, tuple[str, ...]]:
    """Return one or more descriptions of each emoji by its code point.

    Raises:
        ValueError: a line is not what it should be.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        entry = json.loads(line)
        texts = tuple(str(text).strip() for text in entry["descriptions"])
        if not texts or not all(texts) or entry["code_point"] in found:
            raise ValueError(f"{path}, line {number}: no description, an empty one, or a second line for it")
        found[str(entry["code_point"])] = texts
    return found
