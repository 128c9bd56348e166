"""The table of emoji: which pictures exist, what they are called and what people search them by.

Names and groups come from unicode-emoji-json (MIT), keywords from emojilib (MIT).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from export.data.downloads import npm_tarball, tar_member

UNICODE_EMOJI_JSON = (
    "unicode-emoji-json",
    "0.9.0",
    "sha512-HdrQW/7SdbXUsTd8uTATv7LvQJkCSgbAgRCDCtOhQ6xn3EAx+xZHQtRniOXWJK3ywIqPegkNhP4U4EbuFsiQng==",
)
EMOJILIB = (
    "emojilib",
    "4.0.3",
    "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
)
VARIATION_SELECTOR = 0xFE0F
JOINER = "200d"
SKIN_TONES = frozenset(("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"))
GENDER_SIGNS = frozenset(("2640", "2642"))
GENDERED_PEOPLE = frozenset(("1f468", "1f469"))
FLAG_GROUP = "Flags"


@dataclass(frozen=True)
class Emoji:
    """One picture of the table.

    Attributes:
        code_point: Lower-case hex scalars joined with ``-``, variation selectors left out.
        name: CLDR short name.
        keywords: Search words, without the name itself.
        group: CLDR group, such as ``Smileys & Emotion``.
    """

    code_point: str
    name: str
    keywords: tuple[str, ...]
    group: str

    @property
    def text(self) -> str:
        """Return what a sentence encoder reads: the name, then the keywords."""
        return ", ".join((self.name, *self.keywords))


def code_point_of(characters: str) -> str:
    """Return the key of an emoji: ``"☺️"`` gives ``"263a"``."""
    return "-".join(f"{ord(char):x}" for char in characters if ord(char) != VARIATION_SELECTOR)


def canonical(code_point: str) -> str:
    """Return the key of a code point as file names spell it: ``"263A-FE0F"`` gives ``"263a"``."""
    parts = code_point.lower().replace("_", "-").replace(" ", "-").split("-")
    return "-".join(f"{int(part, 16):x}" for part in parts if int(part, 16) != VARIATION_SELECTOR)


def is_double(code_point: str) -> bool:
    """Say whether a picture is a skin-tone or gender double of another one."""
    parts = code_point.split("-")
    if SKIN_TONES.intersection(parts):
        return True
    return JOINER in parts and bool(GENDER_SIGNS.intersection(parts) or parts[0] in GENDERED_PEOPLE)


def emoji_table() -> tuple[Emoji, ...]:
    """Return the emoji without doubles and without countries' flags, ordered by code point.

    Raises:
        DownloadError: A package could not be fetched.
    """
    names = json.loads(tar_member(npm_tarball(*UNICODE_EMOJI_JSON), "data-by-emoji.json"))
    words = json.loads(tar_member(npm_tarball(*EMOJILIB), "dist/emoji-en-US.json"))
    return build_table(names, words)


def build_table(
    names: Mapping[str, Mapping[str, object]], words: Mapping[str, list[str]]
) -> tuple[Emoji, ...]:
    """Join names and keywords, both keyed by the emoji's characters."""
    keywords = {code_point_of(char): found for char, found in words.items()}
    table = {}
    for char, entry in names.items():
        key, name, group = code_point_of(char), str(entry["name"]), str(entry["group"])
        if is_double(key) or (group == FLAG_GROUP and _is_country(key)):
            continue
        table[key] = Emoji(key, name, _clean(keywords.get(key, []), name), group)
    return tuple(table[key] for key in sorted(table))


def _is_country(key: str) -> bool:
    first = int(key.split("-")[0], 16)
    is_region = 0x1F1E6 <= first <= 0x1F1FF
    return is_region or "e007f" in key.split("-")


def _clean(words: list[str], name: str) -> tuple[str, ...]:
    plain = (word.replace("_", " ").strip() for word in words)
    return tuple(dict.fromkeys(word for word in plain if word and word.lower() != name.lower()))
