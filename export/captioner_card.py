"""The model card of the house captioner: what it is, how good it is, and what it can't do."""

from __future__ import annotations

from export.model_card import bullets, file_size, tables
from inference.caption_bundle import CaptionSpec

CARD = """# Model card: {name} {version}

Says in a sentence what a drawing or an animated emoji shows, as an alternative text for people who do not see
it, where nobody has written one. It runs on a CPU, without network.

## What it is

A small ClipCap (Mokady et al. 2021):

- Vision tower: `{image}`, EfficientNet-Lite0 without its classifier, {frames} frames of {size} x {size}
  pixels to the mean of their features, and a linear layer that says how likely each of {prefix_size} known
  things is. Weights are stored small, arithmetic is float32.
- Mapper and language model: `{prefill}` and `{step}`, a linear layer and a GPT-2 of {n_layer} layers of
  {n_embd} numbers behind a prefix of {prefix_length} vectors, {vocab_size} tokens, {precision}. They share
  `weights.bin`.
- A caption has at most {max_tokens} tokens. {silence}

## Training

{training}

## Figures

A caption "names the right thing" where its CIDEr-D against the references of its own emoji is at least that
against any other emoji's. References are our descriptions and the emoji's name; silence counts as 0 and as
wrong. "Made to speak" is without the silence that serving keeps. "Nearest known drawing" answers with the
description of the training picture whose features are nearest, by the same tower. A classifier alone would do
as well on these single drawings: the likeliest thing's first description, made to speak, is as often right.
EmojiOne 1 is close to a style that was trained on, so its figures flatter, and the threshold chosen on it is
an easy one. Designs were compared on both styles (docs/training.md).

{scores}

## Limits

- It knows drawings of emoji, and animations made of them; of a style that it has not seen it describes little
  more than half. Of photographs and films it knows nothing; it has learnt to be silent about pictures of
  nothing, yet gives a wrong sentence to about one photograph in six (tried with 110 cut-outs of 22
  photographs).
- It knows about 1,460 things. Another thing is called by what it looks like among these.
- It reads no letters: text in the picture is found by OCR, not by it.
- It sees single frames, so it does not tell what moves.
- Descriptions were written by a large language model, which did not look at every drawing; no person has
  checked them. English only.
- People are called "a person", "a man" or "a woman" as the emoji is named. It must not be used to judge
  people.
- It is a guess. Read it before you rely on it, and write a better one where it matters.

## Licence

Apache-2.0, as the project. The tower was fine-tuned from EfficientNet-Lite0 (Google; Apache-2.0). It was
trained on drawings of Twemoji (Twitter, Inc and other contributors; CC-BY-4.0), Noto Emoji (Google Inc;
Apache-2.0), EmojiOne 2 (EmojiOne; CC-BY-4.0), FxEmoji (Mozilla; Apache-2.0), Fluent Emoji (Microsoft
Corporation; MIT) and Streamline Emojis (Streamline; CC-BY-4.0).

## Files

{files}

Made with {versions}.
"""

SILENT = """Where no
  known thing is likely enough, the language model reads that there is nothing; where its tokens' mean
  log-probability is below {least:g}, nothing is said either."""
NEVER_SILENT = "Something is always said."


def captioner_card(spec: CaptionSpec) -> str:
    """Return the card as Markdown, with every figure that the bundle holds."""
    decoder = spec.decoder
    least = decoder.least_log_probability
    return CARD.format(
        name=spec.name,
        version=spec.version,
        image=spec.image.file,
        frames=spec.image.frames,
        size=spec.image.size,
        **{name: getattr(decoder, name) for name in decoder.__struct_fields__},
        silence=NEVER_SILENT if least is None else SILENT.format(least=least),
        training=bullets(spec.training),
        scores=tables(spec.scores),
        files="\n".join(
            f"- `{name}`: {file_size(file.bytes)}, sha256 `{file.sha256}`"
            for name, file in spec.files.items()
        ),
        versions=", ".join(f"{tool} {version}" for tool, version in spec.versions.items()),
    )
