"""The tokenizer of a checkpoint as one `tokenizer.json`, made of the older files where there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from export.checkpoints.errors import CheckpointError
from export.importing.sources import NEEDS_TOKENIZER

ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CLIP_TOKENS = ("<|startoftext|>", "<|endoftext|>")
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What CLIP cuts a text into before it joins letters (Radford et al., 2021)."""


def read_tokenizer(folder: Path, *, vocabulary: int) -> Tokenizer:
    """Read or make the tokenizer of a checkpoint, without padding or cutting.

    Args:
        folder: has tokenizer.json, or vocab.json with merges.txt, or vocab.txt.
        vocabulary: how many ids the model knows.

    Raises:
        CheckpointError: there is none, it is damaged, or it has ids that the model does not know.
    """
    try:
        tokenizer = _open(folder)
    except CheckpointError:
        raise
    except Exception as error:  # the library raises plain Exception
        raise CheckpointError(f"The tokenizer in {folder} cannot be read: {error}.") from error
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest >= vocabulary:
        raise CheckpointError(
            f"The tokenizer in {folder} has ids up to {highest}, the model knows {vocabulary}: it belongs to "
            "another model."
        )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def has_tokenizer(folder: Path) -> bool:
    """Say whether a folder has files that a tokenizer can be made of."""
    sets = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
    return any(all((folder / name).is_file() for name in names) for names in sets)


def _open(folder: Path) -> Tokenizer:
    if (folder / "tokenizer.json").is_file():
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return _byte_pairs(folder)
    if (folder / "vocab.txt").is_file():
        return _word_pieces(folder)
    raise CheckpointError(f"{folder} has no tokenizer: bring {NEEDS_TOKENIZER}, from the model's own page.")


def _byte_pairs(folder: Path) -> Tokenizer:
    """Make the tokenizer of CLIP, of RoBERTa, or of GPT-2, which puts no tokens around a text."""
    known = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    if all(token in known for token in CLIP_TOKENS):
        return _clip_pairs(folder, known)
    model = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _mark(tokenizer, ROBERTA_TOKENS)
    first, last = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    if first is not None and last is not None:
        ends = ("</s>", last), ("<s>", first)
        tokenizer.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=False)
    return tokenizer


def _clip_pairs(folder: Path, known: Mapping[str, int]) -> Tokenizer:
    """Make CLIP's tokenizer: lower case, and the last letter of a word is marked."""
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    start, end = CLIP_TOKENS
    tokenizer = Tokenizer(models.BPE.from_file(*files, unk_token=end, end_of_word_suffix="</w>"))
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True)
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, letters])
    tokenizer.decoder = decoders.ByteLevel()
    _mark(tokenizer, CLIP_TOKENS)
    ends = (end, known[end]), (start, known[start])
    tokenizer.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=False, trim_offsets=False)
    return tokenizer


def _word_pieces(folder: Path) -> Tokenizer:
    settings = _settings(folder / "tokenizer_config.json")
    tokenizer = Tokenizer(models.WordPiece.from_file(str(folder / "vocab.txt"), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=bool(settings.get("do_lower_case", True)))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    _mark(tokenizer, BERT_TOKENS)
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if first is None or last is None:
        raise CheckpointError(f"{folder / 'vocab.txt'} has no [CLS] and [SEP].")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", last), ("[CLS]", first))
    return tokenizer


def _mark(tokenizer: Tokenizer, tokens: Sequence[str]) -> None:
    """Say which of the vocabulary's entries are not text."""
    known = [token for token in tokens if tokenizer.token_to_id(token) is not None]
    tokenizer.add_special_tokens([AddedToken(token, lstrip=token == "<mask>") for token in known])


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    settings = json.loads(path.read_text(encoding="utf-8"))
    return settings if isinstance(settings, dict) else {}
