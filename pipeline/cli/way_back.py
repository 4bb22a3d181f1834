"""How the way back from a face is shown: a line a fact, the headings at the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.terminal import out, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Way = Mapping[str, Any]
    Lines = Iterator[tuple[str, str]]


def show_way(way: Way) -> None:
    """Print what `trace_face` found."""
    out.print(f"face {way['face_id']}", style="bold", soft_wrap=True)
    for part in (_sample, _selection, _crop, _detection, _picture, _provenance, _models, _revision):
        for heading, text in part(way):
            out.print(f"  {heading:<10} {printable(text)}", soft_wrap=True)
    for sentence in way["missing"]:
        out.print(f"  {'missing':<10} {sentence}", style="yellow", soft_wrap=True)


def _sample(way: Way) -> Lines:
    sample = way["sample"]
    if sample:
        yield "sample", f"{sample['shard']}:{sample['row']}, split {sample['split']}, {sample['size']} pixels"
        yield "", f"in {sample['file']}"


def _selection(way: Way) -> Lines:
    selected = way["selection"]
    also = f"; the same picture is in {', '.join(way['also_in'])} too" if way["also_in"] else ""
    yield "batch", f"{way['batch']}{also}"
    if way["blocked"]:
        left_out = selected and selected["reject"]
        yield "blocklist", f"{way['blocked']}" + ("" if left_out else "; the next `dvc repro` leaves it out")
    if selected:
        detail = f" ({selected['detail']})" if selected["detail"] else ""
        yield "selection", f"rejected: {selected['reject']}{detail}" if selected["reject"] else "kept"
        if selected["group"]:
            yield "", f"duplicate group {selected['group']}"
        if selected["labels"]:
            yield "labels", _pairs(selected["labels"])


def _crop(way: Way) -> Lines:
    crop = way["crop"]
    square, beyond = crop["square"], crop["beyond_picture"]
    yield "crop", f"square at x {square['x']}, y {square['y']}, side {square['side']}, in pixels of the picture"
    if beyond:
        yield "", f"{beyond:.1%} of it beyond the picture, padding {crop['padding']}"
    if crop["tar"]:
        yield "", f"{crop['tar']}: {crop['member']}, {crop['side']} pixels"
    measured = {name: f"{value:.4g}" for name, value in way["measures"].items() if value is not None}
    if measured:
        yield "measures", _pairs(measured)


def _detection(way: Way) -> Lines:
    found = way["detection"]
    box = found["box"]
    score = f", score {found['score']:g}" if found["score"] is not None else ""
    roll = f", turned by {found['roll']:g} degrees" if found["roll"] is not None else ""
    yield "box", f"x {box['x']}, y {box['y']}, {box['width']}x{box['height']}{score}{roll}"
    if found["reject"]:
        yield "", f"rejected by `crop`: {found['reject']}" + (f" ({found['detail']})" if found["detail"] else "")
    if found["detector"]:
        digests = [(name, found[f"{name}_sha256"]) for name in ("cascade", "verifier")]
        used = "".join(f", {name} sha256 {digest}" for name, digest in digests if digest)
        yield "detector", f"{found['detector']}{used}"
        yield "", _pairs(found["params"])
    else:
        yield "detector", "none: the pictures of this batch are faces already"


def _picture(way: Way) -> Lines:
    picture = way["picture"]
    inside = f": {picture['member']}" if picture["member"] else ""
    yield "picture", f"{picture['file'] or picture['image']}{inside}"
    yield "", f"image id {picture['image_id']}, {picture['width']}x{picture['height']} pixels"


def _provenance(way: Way) -> Lines:
    known = way["provenance"]
    for key, heading in (("page_url", "page"), ("url", "url"), ("author", "author")):
        if known[key]:
            yield heading, known[key]
    if known["licence"] or known["licence_url"]:
        yield "licence", " ".join(filter(None, (known["licence"], known["licence_url"])))
    elif known["source"]:
        yield "licence", "unknown"
    if known["source"]:
        parent = f", a version of {known['parent']}" if known["parent"] else ""
        yield "source", f"{known['source']} {known['source_id'] or ''}".strip() + parent
    if known["rating"]:
        yield "rating", known["rating"]
    if known["tags"]:
        yield "tags", " ".join(known["tags"])


def _models(way: Way) -> Lines:
    if not way["sample"]:
        return
    for number, model in enumerate(way["models"]):
        if model["knows"]:
            text = f"has it among its {', '.join(model['seen'])} faces"
        elif model["knows"] is None:
            text = f"was trained on other shards: cannot tell, {model['gone']} of its {model['shards']} are not here"
        else:
            text = "was not trained on it"
        yield "" if number else "models", f"{model['path']} {text}"


def _revision(way: Way) -> Lines:
    revision = way["revision"]
    if revision["commit"]:
        changed = ", with changes that are not committed" if revision["is_dirty"] else ""
        yield "revision", f"git commit {revision['commit']}{changed}"
    for number, (name, stage) in enumerate(revision["stages"].items()):
        outs = _pairs({path: digest for path, digest in stage["outs"].items() if not path.startswith("metrics/")})
        current = "" if stage["is_current"] else "; params.yaml has changed since: run `dvc repro`"
        yield "" if number else "dvc.lock", f"{name}: {outs}{current}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
