"""Do faces get the label that is asked for, and keep the others: `python -m benchmarks.label_edits MODEL SHARDS JUDGE`.

A classifier of pixels is the judge: a linear probe on what the encoder of `anime-vae judge` (trained without labels)
sees in real training faces, and on their pixels at 16 × 16. Its own accuracy on held-out faces stands first. Then

- attribute vectors: of faces of the test split without a value, how many have it after a step, and how many keep
  each other attribute (as the judge saw it in their reconstruction);
- samples: how many show the label that they were asked for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from laboratory.attributes import NOTHING, along, attribute_direction, having, without_label
from laboratory.latents import encode_split, with_labels_in_use
from laboratory.priors import load_prior
from laboratory.probes import fitted_probe
from laboratory.views import decode, draw_from, samples
from pipeline.shards import read_index
from quality.encoder import load_judge
from vae.data import Faces
from vae.folder import load_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipeline.shards import Vocabulary
    from quality.encoder import LearnedFeatures
    from vae.folder import Model

CPU = torch.device("cpu")
FACES = 100


class Judge:
    """Tells every label of faces uint8 [N, S, S, 3] by their pixels."""

    def __init__(self, space: LearnedFeatures, shards: Path, vocabulary: Vocabulary) -> None:
        self._space, self.vocabulary = space, vocabulary
        train = Faces(shards, "train")
        seen = self._seen(train.gather(np.arange(len(train))))
        self._mean, self._deviation = seen.mean(0), seen.std(0).clamp(min=1e-3)
        x, labels = (seen - self._mean) / self._deviation, torch.from_numpy(train.labels(vocabulary))
        self._probes = [
            fitted_probe(x[codes >= 0], codes[codes >= 0], len(values))
            for codes, values in zip(labels.T, vocabulary.values(), strict=True)
        ]

    def _seen(self, faces: NDArray[np.uint8]) -> torch.Tensor:
        x = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255.0
        pixels = torch.nn.functional.adaptive_avg_pool2d(x, 16).flatten(1)
        return torch.cat([pixels, torch.from_numpy(self._space.features(faces))], 1)

    def told(self, faces: NDArray[np.uint8]) -> torch.Tensor:
        """Codes int64 [N, A]."""
        x = (self._seen(faces) - self._mean) / self._deviation
        x = torch.nn.functional.pad(x, (0, 1), value=1.0)
        return torch.stack([(x @ probe).argmax(1) for probe in self._probes], 1)


def edits(model: Model, shards: Path, judge: Judge, name: str, others: list[str], strengths: Iterable[float]) -> None:
    """Print a line for each strength of a label's direction."""
    attribute, _, given = name.partition("=")
    value = given or None
    known, vocabulary = with_labels_in_use(encode_split(model, shards, "train", flip=False), judge.vocabulary)
    direction = attribute_direction(known, vocabulary, attribute, value, orthogonal_to=others)
    held_out, names = with_labels_in_use(encode_split(model, shards, "test", flip=False), judge.vocabulary)
    z = held_out.mean[without_label(held_out, names, attribute, value)[:FACES]]
    before = judge.told(decode(model, z))
    column = list(judge.vocabulary).index(attribute)
    for strength in strengths:
        told = judge.told(decode(model, along(z, direction, [strength])[:, 0]))
        got = float(having(told[:, column], judge.vocabulary, attribute, value).float().mean())
        kept = (told == before).float().mean(0).tolist()
        rest = [
            f"{other} {share:.2f}" for other, share in zip(judge.vocabulary, kept, strict=True) if other != attribute
        ]
        how = " beside all others" if others else ""
        print(f"{name}{how} × {strength:g}: {got:.2f} of {len(z)} have it; kept: {', '.join(rest)}")


def asked_for(model: Model, judge: Judge, prior: str, attribute: str) -> None:
    """Print how many samples show each value of an attribute that they were asked for, or any where one is none."""
    column, shown, as_asked = list(judge.vocabulary).index(attribute), [], []
    for code, value in enumerate(judge.vocabulary[attribute]):
        draw = draw_from(load_prior(model, prior), labels={attribute: value}, condition=model.vae.condition.vocabulary)
        told = judge.told(samples(model, FACES, 0, draw))[:, column]
        shown.append((value, float((told == code).float().mean())))
        asked = having(torch.full_like(told, code), judge.vocabulary, attribute, None)
        as_asked.append(float((having(told, judge.vocabulary, attribute, None) == asked).float().mean()))
    mean = sum(share for _, share in shown) / len(shown)
    each = ", ".join(f"{value} {share:.2f}" for value, share in shown)
    line = f"samples of the {prior} with {attribute}: {mean:.3f} show it ({each})"
    may_be_none = not set(NOTHING).isdisjoint(judge.vocabulary[attribute])
    print(f"{line}; any or none of them, as asked: {sum(as_asked) / len(as_asked):.3f}" if may_be_none else line)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("--edit", default="glasses", help="label of the direction")
    parser.add_argument("--ask", nargs="*", default=["hair_colour", "glasses"], help="labels of samples")
    parser.add_argument("--prior", default="flow")
    options = parser.parse_args()
    vocabulary = read_index(options.shards).labels
    judge = Judge(load_judge(options.judge, CPU), options.shards, vocabulary)
    test = Faces(options.shards, "test")
    right = judge.told(test.gather(np.arange(len(test)))) == torch.from_numpy(test.labels(vocabulary))
    shares = dict(zip(vocabulary, right.float().mean(0).tolist(), strict=True))
    print("the judge is right on held-out faces:", ", ".join(f"{name} {share:.3f}" for name, share in shares.items()))
    model = load_model(options.model, CPU)
    others = [name for name in vocabulary if name != options.edit.split("=")[0]]
    for beside in ([], others):
        edits(model, options.shards, judge, options.edit, beside, (1.0, 1.5, 2.0))
    for attribute in options.ask:
        asked_for(model, judge, options.prior, attribute)


if __name__ == "__main__":
    main()
