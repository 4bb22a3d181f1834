"""The card of an export, README.md: what it is, how it was made, whose pictures these are.

Its head is for the Hugging Face Hub.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.card import cell
from pipeline.sharing import parquet_folder, webdataset
from pipeline.sharing.about import most_first
from pipeline.sharing.dataset import SPLIT_NAMES
from pipeline.sharing.licences import known_licence

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from pipeline.sharing.about import About

_RESERVED = (
    "For {} of {} faces the source says that all rights are reserved. That is known, and permits nothing: treat them "
    "as those without a licence."
)
_LINE = 1000  # letters
_SHOWN = 20  # authors, licences, sources, values of a label
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_DATA_FILES = {"webdataset": webdataset.PATTERN, "parquet": parquet_folder.PATTERN}
_LOADING = {
    "webdataset": 'datasets.load_dataset("FOLDER")  # or webdataset.WebDataset("FOLDER/train-00000.tar")',
    "parquet": 'datasets.load_dataset("FOLDER")  # or pandas.read_parquet("FOLDER/data")',
    "imagefolder": 'datasets.load_dataset("imagefolder", data_dir="FOLDER")',
    "npz": 'numpy.load("FOLDER/train.npz")["images"]  # uint8 [N, side, side, 3]; records.parquet has a row a face',
    "recipe": "anime-data rehydrate FOLDER --out faces  # fetches the pictures, cuts the same faces, verifies both",
}
_WAYS = {
    "webdataset": "Every face is `<face_id>.png` and `<face_id>.json` in a tar; in the JSON an empty text means "
    "unknown.",
    "parquet": "Every face is a row: `image` (PNG), then the columns below as text; null means unknown.",
    "imagefolder": "Every face is `<face_id>.png`; `metadata.jsonl` beside it has the columns below as text, and an "
    "empty text means unknown.",
    "npz": "`images`, `labels` (-1 means unknown), `face_id` and `attributes` (what the columns of `labels` say) of "
    "each split; `vocabulary.json` names the values of each attribute, in order; `records.parquet` has the columns "
    "below.",
    "recipe": "No picture is in it, only where each was found, by which hash it is known and which square of it is a "
    "face.",
}


def dataset_card(about: About, columns: Sequence[str]) -> str:
    """The card as Markdown; the same export gives the same text."""
    return "\n".join([*_front_matter(about), *_what(about, columns), *_made(about), *_rights(about), *_rest(about)])


def _front_matter(about: About) -> list[str]:
    licence = known_licence(about.only_licence)
    size = next((name for limit, name in _SIZES if about.faces < limit), "n>1M")
    tasks = ["unconditional-image-generation", *(["image-classification"] if about.labels else [])]
    head: dict[str, Any] = {"pretty_name": about.name, "license": licence.id if licence else "other"}
    if not licence:
        head |= {"license_name": "each-picture-its-own", "license_link": "README.md"}
    head |= {"size_categories": [size], "task_categories": tasks, "tags": ["anime", "face", "art", about.form]}
    pattern = _DATA_FILES.get(about.form)
    if pattern:
        names = [SPLIT_NAMES[split] for split in about.splits]
        files = [{"split": name, "path": pattern.format(split=name)} for name in names]
        head["configs"] = [{"config_name": "default", "data_files": files}]
    elif about.form != "imagefolder":
        head["viewer"] = False
    return ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()), "---", ""]


def _what(about: About, columns: Sequence[str]) -> list[str]:
    kind = "as large as they were stored" if about.native else f"{about.size}×{about.size} pixels"
    names = ((split, SPLIT_NAMES[split] if about.form not in {"npz", "recipe"} else split) for split in about.splits)
    return [
        f"# {cell(about.name, _LINE)}",
        "",
        f"{about.faces} faces of drawn characters, cut out of illustrations, RGB, {kind}.",
        _WAYS[about.form],
        "",
        "```python" if about.form != "recipe" else "```sh",
        _LOADING[about.form],
        "```",
        "",
        *_table("split", [(name, about.splits[split]) for split, name in names]),
        "No picture, no near duplicate of one and no post has faces in two splits.",
        "",
        *([] if about.form == "recipe" else [f"Columns: {', '.join(map(_code, columns))}.", ""]),
        *(["## Labels", *(line for name in about.labels for line in _label(name, about.labels[name]))]),
        *([] if about.labels else ["None.", ""]),
    ]


def _label(attribute: str, counts: Counter[str]) -> list[str]:
    known = sorted(((value, count) for value, count in counts.items() if value), key=lambda item: (-item[1], item[0]))
    unknown = [("unknown", counts[""])] if counts[""] else []
    return _table(attribute, known, unknown)


def _made(about: About) -> list[str]:
    params = about.params
    detected = [name for name, faces in params["batches"].items() if faces == "detect"]
    whole = [name for name, faces in params["batches"].items() if faces != "detect"]
    return [
        "## How it was made",
        "By anime-data: pictures were gathered, faces found and cut (`crop`), the good ones chosen, one of each group "
        "of near duplicates, and split (`select`), and brought to one size (`pack`). Parameters:",
        "",
        *(
            f"- `{part}`: " + ", ".join(f"{key} {_plain(value)}" for key, value in params[part].items())
            for part in _PARTS
        ),
        "",
        *([_detection(params["crop"]["detector"], detected)] if detected else []),
        *([f"Pictures that are faces already: {', '.join(whole)}."] if whole else []),
        "",
    ]


def _detection(detector: str, batches: list[str]) -> str:
    if detector.endswith("+verifier"):
        how = "a small network, whose score is a probability"
    else:
        how = "a cascade of local binary patterns that finds frontal faces best, whose score counts votes"
    missing = "profiles, very small faces and unusual styles are missing more often than others"
    return f"Faces were detected in {', '.join(batches)} by {how}: {missing}."


_PARTS = ("crop", "select", "pack")


def _plain(value: Any) -> str:
    return _code(json.dumps(value, ensure_ascii=False)) if isinstance(value, (dict, list)) else str(value)


def _code(text: str) -> str:
    """Words of others, such as names of labels, as they are: tags like `>_<` are markup otherwise."""
    plain, fence = " ".join(text.split()), "`"
    while fence in plain:
        fence += "`"
    space = " " if "`" in plain else ""
    return f"{fence}{space}{plain}{space}{fence}"


def _rights(about: About) -> list[str]:
    unknown = about.licences[None]
    return [
        "## Rights",
        "The illustrations belong to those who drew them, not to whoever gathered them. That a picture could be "
        "fetched gives nobody a licence. This is for your own study, where your law allows that, unless the licences "
        "of its pictures say more; do not pass on pictures, faces or models whose licences do not let you.",
        "",
        f"For {unknown} of {about.faces} faces no licence is known: study those yourself, and pass neither them nor a "
        "dataset of them on."
        if unknown
        else f"A licence is known for each of the {about.faces} faces."
        if not about.reserved
        else f"For each of the {about.faces} faces it is known under which terms its source has it.",
        *([_RESERVED.format(about.reserved, about.faces)] if about.reserved else []),
        "A licence that is named need not permit what you want. It is given in the words of its source, and nobody has "
        "checked whether the source was right; "
        "`licence`, `licence_url`, `author` and `page_url` are there for every face of which they are known.",
        "",
        *_counts("licence", about.licences, "unknown"),
        f"{len(set(about.authors) - {None})} authors are named; for {about.authors[None]} faces none is known.",
        "",
        *_counts("author", about.authors, "unknown"),
        *_counts("source", about.sources, "not recorded"),
        *_counts("rating", about.ratings, "not rated"),
    ]


def _rest(about: About) -> list[str]:
    commit = about.revision.commit
    changed = ", with changes that were not committed" if about.revision.is_dirty else ""
    return [
        "## Revision",
        " ".join(
            [
                f"Published {about.published}.",
                *([f"Made at git commit `{commit}`{changed}."] if commit else []),
                *([f"DVC knows the shards as `{about.shards_md5}`."] if about.shards_md5 else []),
            ]
        ),
        "",
        "## Citing",
        f"Cite it as: {cell(citation(about), _LINE)}",
        "Where you show a face, name its author and its licence.",
        "",
        "## Being removed",
        "Whoever drew a picture and does not want it here: ask whoever published this. They run `anime-data forget` "
        "with the author, the picture's address or a face id, then `dvc repro`, and export again; the picture is not "
        "taken up another time. Whoever holds a copy is asked to replace it by the new one.",
        "",
    ]


def citation(about: About) -> str:
    """How to cite the dataset."""
    revision = f", revision {about.revision.commit[:12]}" if about.revision.commit else ""
    what = f"{about.name} ({about.published[:4]}), {about.faces} faces of drawn characters"
    return f"{what}{revision}, made with anime-data."


def _counts(title: str, counts: Counter[str | None], unknown: str) -> list[str]:
    known = [(name, count) for name, count in most_first(counts) if name is not None]
    return _table(title, known, [(unknown, counts[None])] if counts[None] else [])


def _table(title: str, rows: Sequence[tuple[str, int]], last: Iterable[tuple[str, int]] = ()) -> list[str]:
    """A table of counts, the largest first; the rest of a long one is one row."""
    lines = [f"| {cell(name)} | {count} |" for name, count in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        lines.append(f"| {len(rows) - _SHOWN} more | {sum(count for _, count in rows[_SHOWN:])} |")
    lines += [f"| *{name}* | {count} |" for name, count in last]
    return [f"| {cell(title)} | faces |", "|---|---:|", *lines, ""]
