"""What people and search read of a GIF that nobody named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from inference.wording import made_name, short_name

# What cameras, programs and sites put into names of files.
_EMPTY_WORDS = """
    animated animation anim avatar clip copy crop cropped dl download downloaded edit edited
    emoji ezgif export file final fixed frame gif gifs giphy hd image images img imgur large
    lossy media medium meme movie mp mp4 new optimized original output png pic picture preview
    reaction record recording render resize resized result sample screen screencast
    screenrecording shot small source temp tenor tiny tmp unnamed untitled upload video webm
    webp wp
    """
_EMPTY = frozenset(_EMPTY_WORDS.split())
_BRACKETED = re.compile(r"[(\[{]\s*\d*\s*(?:copy)?\s*[)\]}]", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^\w'&!?%]+|_+")
_NUMBERED = re.compile(r"(?:v|ver|version|take|part|no)?\d+(?:x\d+|p|px|w|h|fps|s|kb|mb)?", re.IGNORECASE)
_HASH = re.compile(r"(?=.*\d)[0-9a-f]{6,}|(?=(?:.*\d){2})[0-9a-z]{8,}", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôû]", re.IGNORECASE)


def make_name(label: str, tags: Sequence[str] = (), text: str = "", caption: str = "") -> str:
    """Make a name of a file's name or URL, else of the first tags, the words in the picture, the caption."""
    return short_name(_words_of(label)) or made_name(tags, text, caption)


def _words_of(label: str) -> str:
    """Return the words in a file's name, empty where these are none that a person chose."""
    split = urlsplit(label) if "://" in label else None
    path = unquote(split.path) if split is not None else label
    name = PurePosixPath(path.replace("\\", "/")).name
    stem = _BRACKETED.sub(" ", re.sub(r"\.\w{1,5}$", "", name))
    tokens = [token for token in _SEPARATORS.split(_CAMEL.sub(" ", stem)) if token]
    words = [token for token in tokens if _is_word(token)]
    if split is not None and len(words) < 2:
        return ""  # one word of a URL is more often a key than a name
    return " ".join(words).lower()


def _is_word(token: str) -> bool:
    if token.casefold() in _EMPTY or _NUMBERED.fullmatch(token) or _HASH.fullmatch(token):
        return False
    is_spelt = not token.isascii() or bool(_VOWEL.search(token)) or len(token) <= 4
    return (is_spelt and len(token) > 1) or token in ("i", "I", "a")
