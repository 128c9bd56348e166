"""The model card of a bundle: what it is, where it comes from, how good it is, where it must not be used."""

from collections.abc import Mapping
from typing import Any

from inference.bundle import BundleSpec

CARD = """# Model card: {name} {version}

Picks an animated reaction GIF for a chat message, and says how likely it is that no playful GIF should be
sent at all. It runs on a CPU, without network.

## What it is

- Text tower: {text_file}, {text_size}, a message of up to {max_tokens} tokens to a unit vector of {dim}
  numbers and a hold probability. Linear layers compute in int8, one scale an output channel.
- Vision tower: {image_file}, {image_size}, {frames} frames of {size} x {size} pixels to a unit vector in
  the same space. Weights are stored small, arithmetic is float32.
- {categories} categories of reactions, each an anchor in that space; temperature {temperature:g}.
- From a hold probability of {hold_threshold:g} on a message counts as grave.
- A GIF's vector is a weighted mean: picture {image:g}, name and tags {text:g}, categories {category:g}.

## Training

{training}

## Figures

{scores}

## Limits

- It learnt from English. Of other languages it knows little, and the program says so.
- Labels and test labels were written by a large language model in two roles after a written guide; people
  may disagree more than these two do.
- Tone is guessed from one message without what was said before. Irony and in-jokes are missed.
- The hold probability lowers the risk of a joke in answer to grief or danger. It is no safety system: some
  such messages pass.
- It must not be used to judge people by their messages.

## Files

{files}

Made with {versions}.
"""

NOTHING = "Nothing was recorded."
KILOBYTE = 1000


def render_card(spec: BundleSpec) -> str:
    """Return the card as Markdown, with every figure that the bundle holds."""
    return CARD.format(
        name=spec.name,
        version=spec.version,
        text_file=f"`{spec.text.file}`",
        text_size=file_size(spec.files[spec.text.file].bytes),
        image_file=f"`{spec.image.file}`",
        image_size=file_size(spec.files[spec.image.file].bytes),
        max_tokens=spec.text.max_tokens,
        dim=spec.embedding_dim,
        frames=spec.image.frames,
        size=spec.image.size,
        categories=len(spec.categories.names),
        temperature=spec.temperature,
        hold_threshold=spec.hold_threshold,
        image=spec.fusion.image,
        text=spec.fusion.text,
        category=spec.fusion.category,
        training=bullets(spec.training) or NOTHING,
        scores=tables(spec.scores) or NOTHING,
        files="\n".join(f"- `{n}`: {file_size(f.bytes)}, sha256 `{f.sha256}`" for n, f in spec.files.items()),
        versions=", ".join(f"{tool} {version}" for tool, version in spec.versions.items()),
    )


def tables(scores: Mapping[str, Any]) -> str:
    """Write single figures as one table and every group of figures as a table of its own."""
    single = {name: value for name, value in scores.items() if not isinstance(value, Mapping)}
    parts = [_table(single)] if single else []
    for name, group in scores.items():
        if isinstance(group, Mapping):
            parts.append(f"### {_words(name)}\n\n{_table(_flat(group))}")
    return "\n\n".join(parts)


def _table(figures: Mapping[str, Any]) -> str:
    rows = [f"| {_words(name)} | {_figure(value)} |" for name, value in figures.items()]
    return "\n".join(["| what | figure |", "| --- | --- |", *rows])


def _flat(group: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in group.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}: ")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def bullets(notes: Mapping[str, Any], indent: str = "") -> str:
    """Write notes as a list, groups of them indented."""
    lines = []
    for name, value in notes.items():
        if isinstance(value, Mapping):
            lines.append(f"{indent}- {_words(name)}:\n{bullets(value, indent + '  ')}")
        else:
            lines.append(f"{indent}- {_words(name)}: {_figure(value)}")
    return "\n".join(lines)


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2e}" if 0 < abs(value) < 1e-3 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_figure(item) for item in value)
    return str(value).replace("|", "\\|").replace("\n", " ")


def _words(name: str) -> str:
    return name.replace("_", " ").replace("|", "\\|")


def file_size(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size / KILOBYTE**2:.1f} MB" if size >= KILOBYTE**2 else f"{size / KILOBYTE:.1f} kB"
