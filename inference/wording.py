"""The alternative text of a GIF that nobody described."""

from __future__ import annotations

from collections.abc import Sequence

ALT_CHARACTERS = 1000


def make_alt_text(name: str, tags: Sequence[str] = (), text: str = "", caption: str = "") -> str:
    """Describe a GIF for those who do not see it, in at most `ALT_CHARACTERS` characters."""
    told = f"{name} {caption}".casefold()
    further = [tag for tag in dict.fromkeys(tags) if tag.casefold() not in told]
    opening = caption.strip() or f"{name[:1].upper()}{name[1:]}"
    if further:
        opening = f"{opening.rstrip('.')} ({', '.join(further)})"
    parts = [opening if opening.endswith((".", "!", "?")) else f"{opening}."]
    if text:
        parts.append(f'Text in the picture: "{text}".')
    return shortened(" ".join(parts), ALT_CHARACTERS, "…")


def shortened(text: str, characters: int, ending: str) -> str:
    """Return a text of at most so many characters, cut between words, with `ending` where it was cut."""
    if len(text) <= characters:
        return text
    cut = text[: characters + 1 - len(ending)]
    return cut.rsplit(" ", 1)[0].rstrip(" ,.(")[: characters - len(ending)] + ending
