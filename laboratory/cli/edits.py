"""The commands that change faces by arithmetic on their latents: attribute, analogy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laboratory.cli.options import (
    Crop,
    Decoder,
    Device,
    Images,
    ModelPath,
    Out,
    Shards,
    Split,
    app,
    load,
    own_faces,
    write,
)
from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)")


@app.command(context_settings={"ignore_unknown_options": False})
def attribute(
    model: ModelPath,
    name: Annotated[str, typer.Argument(metavar="ATTRIBUTE[=VALUE]", help="Label, e.g. glasses or hair_colour=blue.")],
    images: Images = None,
    shards: Shards = Path("data/shards"),
    split: Split = "test",
    strength: Annotated[str, typer.Option(help="From..to; 1 leads from faces without it to faces with it.")] = "-2..2",
    steps: Annotated[int, typer.Option(min=2, help="Faces in a row.")] = 7,
    count: Annotated[int, typer.Option(min=1, help="Faces of the split, without pictures.")] = 6,
    against: Annotated[str | None, typer.Option(help="Value to lead away from. Default: all others.")] = None,
    orthogonal_to: Annotated[
        list[str] | None, typer.Option(help="Attribute to leave alone, or all; may be given several times.")
    ] = None,
    crop: Crop = False,
    out: Out = Path("attribute.png"),
    decoder: Decoder = None,
    device: Device = "auto",
) -> None:
    """Give faces more or less of what a label says: of pictures, or of faces of a split that lack it."""
    import torch

    from laboratory.attributes import attribute_direction, name_of, without_label
    from laboratory.latents import encode_split, with_labels_in_use
    from laboratory.sheets import attribute_sheet
    from laboratory.views import encode

    low, high = _strengths(strength)
    loaded = load(model, device, decoder)
    known, vocabulary = with_labels_in_use(encode_split(loaded, shards, "train", flip=False), _labels_of(shards))
    label, value = _asked(name, vocabulary)
    others = _others(orthogonal_to or [], label, vocabulary)
    direction = attribute_direction(known, vocabulary, label, value, against, others).cpu()
    if images:
        z = encode(loaded, own_faces(images, loaded, crop))
    else:
        held_out, names = with_labels_in_use(encode_split(loaded, shards, split, flip=False), _labels_of(shards))
        there = label in names and (value is None or value in names[label])
        rows = without_label(held_out, names, label, value) if there else torch.empty(0)
        means = held_out.mean[rows] if len(rows) else held_out.mean
        z = means[torch.linspace(0, len(means) - 1, min(count, len(means))).round().long()].cpu()
    strengths = [round(low + (high - low) * step / (steps - 1), 6) for step in range(steps)]
    write(out, attribute_sheet(loaded, z, direction, strengths, [f"{one:+.2g}" if one else "0" for one in strengths]))
    beside = f", {', '.join(others)} left alone" if others else ""
    typer.echo(f"{name_of(label, value)} from {low:g} to {high:g}{beside}")


@app.command()
def analogy(
    model: ModelPath,
    images: Annotated[list[Path], typer.Argument(metavar="A B C", help="Three pictures of single faces.")],
    crop: Crop = False,
    out: Out = Path("analogy.png"),
    decoder: Decoder = None,
    device: Device = "auto",
) -> None:
    """Draw a - b + c: what face a has and b lacks, on face c."""
    from laboratory.sheets import analogy_sheet

    if len(images) != 3:
        raise ParamsError(f"expected three pictures a, b and c, found {len(images)}: give three")
    loaded = load(model, device, decoder)
    write(out, analogy_sheet(loaded, own_faces(images, loaded, crop)))


def _strengths(words: str) -> tuple[float, float]:
    found = _RANGE.fullmatch(words)
    if not found:
        raise ParamsError(f"expected --strength as from..to, e.g. -2..2, found {words}")
    return float(found[1]), float(found[2])


def _labels_of(shards: Path) -> dict[str, list[str]]:
    from pipeline.shards import read_index

    return read_index(shards).labels


def _asked(words: str, vocabulary: dict[str, list[str]]) -> tuple[str, str | None]:
    """Attribute and value; of an attribute alone None where one of its values is that it is not there."""
    from laboratory.attributes import NOTHING
    from laboratory.priors import label_codes, unknown_name

    name, equals, value = words.partition("=")
    if not vocabulary:
        raise ParamsError(f"expected faces with labels for `{name}`, found none in the shards: label some")
    if name not in vocabulary:
        raise ParamsError(unknown_name("label", name, list(vocabulary)))
    if equals:
        label_codes(vocabulary, {name: value})
        return name, value
    values = vocabulary[name]
    if not set(values) & set(NOTHING):
        raise ParamsError(
            f"expected a value of `{name}`, found none: write {name}={values[0]} or another of {', '.join(values)}"
        )
    return name, None


def _others(asked: Sequence[str], label: str, vocabulary: dict[str, Any]) -> list[str]:
    return [name for name in vocabulary if name != label] if "all" in asked else list(dict.fromkeys(asked))
