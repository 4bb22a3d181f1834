"""The whole page: the verdict in words, the faces, the tables, put into the template."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from quality.page.bars import bar
from quality.page.faces import pairs, row, strip
from quality.page.numbers import figure, times
from quality.page.tables import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quality.page.faces import Shown

FEW = 100  # faces a set, below which the figures say little: one in a hundred of them is less than one
_LITTLE, _MUCH = 1.25, 2.0  # of the ratio to the ceiling: what the verdict says
PRIORS = {
    "standard": "N(0, I)",
    "gaussian": "the fitted Gaussian",
    "gmm": "the Gaussian mixture",
    "flow": "the flow",
}


def document(card: Mapping[str, Any], shown: Shown, made: Mapping[str, str]) -> str:
    """The page as HTML: one file that needs nothing else; the same card and faces give the same bytes.

    Args:
        card: what `quality.card.judge_sets` found, with the ladder of priors.
        shown: the faces on it.
        made: what it was made from, name and digest.
    """
    how = card["judged"]
    words = {
        "title": escape(_source(how)),
        "headline": _headline(card),
        "verdict": f'<p class="verdict">{escape(verdict(card))}</p>',
        "warning": _warning(how),
        "lineup": "\n".join(strip(title, faces) for title, faces in shown.lineup.items()),
        "resampled": _resampled(card),
        "tables": tables(card) if "spaces" in card else "",
        "ladder": "\n".join(_rung(name, card, shown) for name in shown.ladder),
        "memory_lead": _memory(card),
        "memory": "\n".join(pairs(title, nearest) for title, nearest in shown.memory.items()),
        "limits": "\n".join(f"<p>{line}</p>" for line in _limits(card)),
        "made": "\n".join(
            f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in _made(card, made).items()
        ),
    }
    return Template((files("quality.page") / "template.html").read_text(encoding="utf-8")).substitute(words)


def _source(how: Mapping[str, Any]) -> str:
    return f"samples of {PRIORS.get(how['prior'], how['prior'])}"


def _resampled(card: Mapping[str, Any]) -> str:
    how = card["judged"]
    if "unjudged" in card:
        return "There were too few faces for any."
    return (
        f"{how['faces']} faces of each set at a time; mean and standard deviation of {how['resamplings']} resamplings."
    )


def _headline(card: Mapping[str, Any]) -> str:
    if "unjudged" in card:
        return "<h1>No figures</h1>"
    space, ratio = next(iter(card["kid_ratio"].items()))
    if ratio is None:
        return f"<h1><b>{figure(card['spaces'][space]['kid']['samples']['mean'])}</b> KID</h1>"
    return f"<h1><b>{times(ratio)}</b> the distance of its reconstructions</h1>"


def verdict(card: Mapping[str, Any]) -> str:
    """In a sentence or two: where the samples are, and whether the prior or the decoder is to blame."""
    if "unjudged" in card:
        return f"The samples were not judged: {card['unjudged']}."
    space = next(iter(card["kid_ratio"]))
    kid = {name: figure(one["mean"]) for name, one in card["spaces"][space]["kid"].items()}
    source = _source(card["judged"])
    words = (
        f"{source[0].upper()}{source[1:]} are at a kernel distance of {kid['samples']} from held-out faces in {space} "
        f"features, the model’s own reconstructions at {kid['ceiling']}, faces of the training set at {kid['floor']}."
    )
    said = {name: _blame(ratio) for name, ratio in card["kid_ratio"].items()}
    if len(set(said.values())) == 1:
        return f"{words} {said[space].format(where='')}"
    return " ".join([words, *(one.format(where=f" in {name} features") for name, one in said.items())])


def _blame(ratio: float | None) -> str:
    """What a ratio to the ceiling says, with a place for where it does."""
    if ratio is None:
        return "The reconstructions cannot be told from held-out faces{where}, so a ratio to them says nothing."
    if ratio <= _LITTLE:
        return "The prior costs little{where}: what is left to gain is the decoder’s."
    if ratio <= _MUCH:
        return "Both the prior and the decoder show{where}."
    return "The latents are to blame{where}, not the decoder: a better prior would gain the most."


def _warning(how: Mapping[str, Any]) -> str:
    """What a reader should know before anything else."""
    lines = []
    if how["split"] == "train":
        lines.append(
            "Compared with training faces, which are meant wherever this page says held-out ones: a model that copies "
            "them looks good here."
        )
    if 0 < how["faces"] < FEW:
        lines.append(
            f"Only {how['faces']} faces of each set could be compared at a time: too few for these figures to mean "
            "much. Hold out more faces."
        )
    return "\n".join(f'<p class="warning">{line}</p>' for line in lines)


def _rung(name: str, card: Mapping[str, Any], shown: Shown) -> str:
    """A prior: its distance in each space as a bar, and a strip of its samples."""
    found = card.get("ladder", {})
    bars = []
    for space in card.get("spaces", {}):
        ceiling = card["spaces"][space]["kid"]["ceiling"]["mean"]
        most = max(ceiling, *(rung[space]["mean"] for rung in found.values()))
        bars.append(bar(space, found[name][space]["mean"], found[name][space]["spread"], ceiling, most))
    title = PRIORS.get(name, name)
    return (
        f'<div class="rung"><h3>{escape(title)}</h3><div class="bars">{"".join(bars)}</div>'
        f"{row(shown.ladder[name], f'a sample of {title}')}</div>"
    )


def _memory(card: Mapping[str, Any]) -> str:
    """What the distances to the training faces say, in the last space, which knows the faces best."""
    if "unjudged" in card:
        return ""
    space = list(card["spaces"])[-1]
    found = card["spaces"][space]["memorisation"]
    share, ratio = found["nearer_than_5_percent"], found["median_ratio"]
    seen = "faces that nobody trained on" if card["judged"]["reconstructed"] == "val" else "training faces"
    return (
        f"In {space} features {_percent(share['samples'])} of the samples, and {_percent(share['ceiling'])} of the "
        f"reconstructions of {seen}, are nearer to a training face than all but the nearest 5\N{NO-BREAK SPACE}% "
        f"of the held-out faces; their median distance is {figure(ratio['samples']['mean'])} and "
        f"{figure(ratio['ceiling']['mean'])} times that of held-out faces. What is blurred is simpler, and so nearer "
        "to everything: samples that are much nearer than reconstructions are what to look out for."
    )


def _percent(share: Mapping[str, float]) -> str:
    return f"{100 * share['mean']:.1f}\N{NO-BREAK SPACE}%"


def _limits(card: Mapping[str, Any]) -> list[str]:
    """What a reader should not take from the figures."""
    how = card["judged"]
    few = (
        f"<b>{how['faces']} faces at a time.</b> Kernel distance is fair for few faces, but a difference within the "
        "spread is none; resamplings share faces, so that the truth is less sure than the spread says. The other "
        "figures depend on how many faces are compared: compare them with those of as many faces alone."
    )
    lines = [
        *([] if "unjudged" in card else [few]),
        "<b>Features of its own.</b> No weights were downloaded, so these figures compare with no published FID. "
        "Random features see colour and texture more than meaning; the judge’s see what tells these faces apart.",
        "<b>Another dataset, another scale.</b> The figures compare models on the same shards. Each is worth what its "
        "distance from floor and ceiling says.",
        f"<b>Not every copy.</b> Copies were looked for among {how['train']:,} training faces. One that is shifted, "
        "mirrored or recoloured can be far in features; and a near neighbour is no proof of one, where the training "
        "set holds many alike.",
    ]
    if how["reconstructed"] == "train":
        lines.append(
            "<b>A ceiling of training faces.</b> No faces of val were left to reconstruct: what the model makes of "
            "those that it was trained on is better than what it makes of others."
        )
    if "learned" not in how["spaces"]:
        lines.append("<b>No judge.</b> The learned space was left out by <code>--judge none</code>.")
    return lines


def _made(card: Mapping[str, Any], made: Mapping[str, str]) -> dict[str, str]:
    how = card["judged"]
    guided = f", guidance {how['guidance']:g}" if how["guidance"] != 1.0 else ""
    sets = {
        "train": "of training",
        "test": f"of the split {how['split']} to compare with",
        "reconstructions": f"reconstructed of the split {how['reconstructed']}",
        "samples": "samples",
    }
    return {
        "faces": ", ".join(f"{how[name]:,} {title}" for name, title in sets.items()),
        "latents": f"{_source(how)}, temperature {how['temperature']:g}{guided}, seed {how['seed']}",
        "decoder": how["decoder"],
        **made,
        **{f"{name} features": digest for name, digest in how["spaces"].items()},
        **({"FID": _fid(card["fid"])} if "fid" in card else {}),
    }


def _fid(found: Mapping[str, Any]) -> str:
    return (
        f"{figure(found['value'])}, of {found['samples']:,} samples against {found['real']:,} held-out faces: "
        f"of so few it is larger than published ones; by Inception’s weights {found['sha256']}"
    )
