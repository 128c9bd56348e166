"""Reading and resolving the components of a message."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from tests.discord_side.contract import Payload

ACTION_ROW, BUTTON, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, CONTAINER = 1, 2, 9, 10, 11, 12, 13, 17
SELECTS = frozenset({3, 5, 6, 7, 8})
VERSION_2_ONLY = frozenset({9, 10, 11, 12, 13, 14, 17})


def walk(components: Iterable[Payload]) -> Iterator[Payload]:
    """Go through components and what they contain, in the order in which they are shown."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if component.get(key):
                yield from walk([component[key]])


def media(components: Iterable[Payload]) -> Iterator[Payload]:
    """Go through the media of thumbnails, galleries and files; each has a `url`."""
    for component in walk(components):
        if component["type"] == THUMBNAIL:
            yield component["media"]
        elif component["type"] == FILE:
            yield component["file"]
        elif component["type"] == GALLERY:
            yield from (item["media"] for item in component["items"])


def texts(components: Iterable[Payload]) -> list[str]:
    return [component["content"] for component in walk(components) if component["type"] == TEXT]


def names_of(control: Payload) -> set[str]:
    """Name a control as a test may: by label, emoji, placeholder or custom id."""
    emoji = (control.get("emoji") or {}).get("name")
    named = (control.get("label"), emoji, control.get("placeholder"), control.get("custom_id"))
    return {name for name in named if name}


def find_control(components: Sequence[Payload], name: str, kinds: frozenset[int]) -> Payload:
    """Find a button or select that a person can use.

    Raises:
        LookupError: where there is none of that name, or it is disabled.
    """
    controls = [each for each in walk(components) if each["type"] in kinds]
    for control in controls:
        if name in names_of(control):
            if control.get("disabled"):
                raise LookupError(f"{name!r} is disabled")
            return control
    shown = ", ".join(sorted(str(sorted(names_of(control))) for control in controls)) or "none"
    raise LookupError(f"there is no {name!r} to use here; there is: {shown}")


def resolved(components: Iterable[Payload], resolve_media: Callable[[str], Payload]) -> list[Payload]:
    """Copy components as Discord returns them: numbered, their media with addresses."""
    copied: list[Payload] = copy.deepcopy(list(components))
    numbers = itertools.count(1)
    for component in walk(copied):
        if not component.get("id"):
            component["id"] = next(numbers)
    for medium in media(copied):
        medium.update(resolve_media(medium["url"]))
    for component in walk(copied):
        _fill_defaults(component)
    return copied


def _fill_defaults(component: Payload) -> None:
    for key in [key for key, value in component.items() if value is None]:
        del component[key]
    if component["type"] in {THUMBNAIL, FILE, CONTAINER}:
        component.setdefault("spoiler", False)
    if component["type"] == CONTAINER:
        component.setdefault("accent_color", None)
    if component["type"] == THUMBNAIL:
        component.setdefault("description", None)
    if component["type"] == FILE:
        component["name"], component["size"] = component["file"]["url"].rpartition("/")[2], None
    for item in component.get("items", []) if component["type"] == GALLERY else []:
        item.setdefault("spoiler", False)
        item.setdefault("description", None)
