"""The model cards of imported bundles: what was imported, what was measured, what they can't do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.bundle import BundleFile, BundleSpec
from inference.caption_bundle import CaptionSpec

REACTION = """# Model card: {name} {version}

A published Hybrid CLIP, imported from {origin}: picks an animated reaction GIF for a chat message.

## What it is

- Text tower: `{text}`, a message of up to {max_tokens} tokens to a unit vector of {dim} numbers. It reads
  emoji as they are.
- Vision tower: `{image}`, {frames} of {size} x {size} pixels to a unit vector in the same space.
  Pictures are cut as CLIP's processor does ({framing}); transparency is dropped.
- Hold: {hold}
- {categories} categories of reactions. The checkpoint knows none: their anchors were made here. Temperature
  {temperature:.4g}, out of the checkpoint.
- A GIF's vector is a weighted mean: picture {fusion.image:g}, name and tags {fusion.text:g}, categories
  {fusion.category:g}.

## How it was made

{training}

## Figures

{scores}

## Limits

- What its authors say of its data and its limits holds here, too; read their card and licence.
- Figures above say how well the import went, not how good the model is, unless they are of annotated
  messages.
- It must not be used to judge people by their messages.

## Files

{files}

Made with {versions}.
"""

HOLDS = "the checkpoint has a hold head of its own; from {threshold:g} on a message counts as grave."
NEVER_HOLDS = (
    "none. The checkpoint does not know which messages are grave, so\n"
    "  **nothing is held back**: such messages get playful GIFs like all others. Keep the automatic mode off."
)

CAPTIONER = """# Model card: {name} {version}

A published ClipCap (Mokady et al. 2021), imported from {origin}: describes a picture in one sentence.

## What it is

- Vision: `{image}`, a picture of {size} x {size} pixels, cut as CLIP's processor does, to {prefix_size}
  numbers.
- Language model: `{prefill}` and `{step}`, GPT-2 with {n_layer} layers of {n_embd} numbers behind a prefix of
  {prefix_length} vectors, {precision}. A caption ends at token {stop_id} or after {max_tokens} tokens.

## How it was made

{training}

## Figures

{scores}

## Limits

- It was trained on photographs with English captions. Drawings, emoji, text in pictures and what moves are
  told wrongly or not at all; it names people's sex and age by guess.
- A caption is always one sentence, said with the same confidence whether it is right or not.
- What its authors say of its data and its limits holds here, too; read their page and its licence.

## Files

{files}

Made with {versions}.
"""

KILOBYTE = 1000


def reaction_card(spec: BundleSpec, *, knows_hold: bool) -> str:
    """Return the card of an imported Hybrid CLIP as Markdown."""
    return REACTION.format(
        name=spec.name,
        version=spec.version,
        origin=spec.training["checkpoint"],
        text=spec.text.file,
        image=spec.image.file,
        max_tokens=spec.text.max_tokens,
        dim=spec.embedding_dim,
        frames="the first frame" if spec.image.first_frame else f"{spec.image.frames} frames",
        size=spec.image.size,
        framing=spec.image.framing,
        hold=HOLDS.format(threshold=spec.hold_threshold) if knows_hold else NEVER_HOLDS,
        categories=len(spec.categories.names),
        temperature=spec.temperature,
        fusion=spec.fusion,
        **_common(spec),
    )


def caption_card(spec: CaptionSpec) -> str:
    """Return the card of an imported ClipCap as Markdown."""
    decoder = spec.decoder
    numbers = {name: getattr(decoder, name) for name in decoder.__struct_fields__}
    return CAPTIONER.format(
        name=spec.name,
        version=spec.version,
        origin=spec.training["checkpoint"],
        image=spec.image.file,
        size=spec.image.size,
        **numbers,
        **_common(spec),
    )


def _common(spec: BundleSpec | CaptionSpec) -> dict[str, str]:
    return {
        "training": _bullets(spec.training),
        "scores": _bullets(spec.scores),
        "files": "\n".join(f"- `{name}`: {_size(file)}" for name, file in spec.files.items()),
        "versions": ", ".join(f"{tool} {version}" for tool, version in spec.versions.items()),
    }


def _bullets(notes: Mapping[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in notes.items():
        said = name.replace("_", " ")
        if isinstance(value, Mapping):
            lines.append(f"{indent}- {said}:\n{_bullets(value, indent + '  ')}")
        else:
            lines.append(f"{indent}- {said}: {f'{value:.3g}' if isinstance(value, float) else value}")
    return "\n".join(lines)


def _size(file: BundleFile) -> str:
    return f"{file.bytes / KILOBYTE**2:.1f} MB, sha256 `{file.sha256}`"
