"""croissant.json: the export described for machines, after the format Croissant 1.0 of MLCommons.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from pipeline.sharing import npz, recipe
from pipeline.sharing.dataset_card import citation
from pipeline.sharing.imagefolder import METADATA
from pipeline.sharing.licences import known_licence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipeline.sharing.about import About, Form

    Json = dict[str, Any]

_VERSION = "1.0.0"  # of what is described; a dataset's state is told by its citation and its digests
_PNG = "image/png"
_TEXT, _IMAGE, _NUMBER = "sc:Text", "sc:ImageObject", "sc:Integer"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {
    name: f"cr:{name}"
    for name in (
        *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet"),
        *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
        *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
    )
}
_FORMATS = {
    ".parquet": "application/x-parquet",
    ".jsonl": "application/jsonlines",
    ".json": "application/json",
    ".tar": "application/x-tar",
    ".npz": "application/octet-stream",  # it has no name of its own
}


def croissant(about: About, columns: Sequence[str], folder: Path) -> Json:
    """The description of the files of an export that lie in a folder; the same files give the same description."""
    licence = known_licence(about.only_licence)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in _FORMATS]
    sets, fields = _records(about.form, columns, [path.name for path in files if path.suffix == ".tar"])
    _name_apart(fields)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.name,
        "description": f"{about.faces} faces of drawn characters, cut out of illustrations. README.md says how, whose "
        "they are, and what may be done with them.",
        "license": licence.url if licence else "Each picture has its own, or none that is known: see README.md.",
        "creator": {"@type": "sc:Organization", "name": "the authors whom the records name"},
        "datePublished": about.published,
        "version": _VERSION,
        "citeAs": citation(about),
        "keywords": ["anime", "faces", "illustrations"],
        "distribution": [*(_file(path, folder) for path in files), *sets],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "faces", "name": "faces", "field": fields}],
    }


def _file(path: Path, folder: Path) -> Json:
    name = path.relative_to(folder).as_posix()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _FORMATS[path.suffix],
        "sha256": digest,
    }


def _set(name: str, encoding: str, includes: str, inside: Sequence[str] = ()) -> Json:
    """Files that are alike: of the export, or inside its archives."""
    found: Json = {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": encoding, "includes": includes}
    return found | ({"containedIn": [{"@id": archive} for archive in inside]} if inside else {})


def _field(name: str, kind: str, source: Json, extract: Json, transform: Json | None = None) -> Json:
    of = source | {"extract": extract} | ({"transform": transform} if transform else {})
    return {"@type": "cr:Field", "name": name, "dataType": kind, "source": of}


def _name_apart(fields: Iterable[Json]) -> None:
    """Give each field an id, which must be a word: labels may be called anything, `hair colour` too."""
    taken: set[str] = set()
    for field in fields:
        plain = found = re.sub(r"[^\w.-]", "_", field["name"], flags=re.ASCII)
        number = 1
        while found in taken:
            number += 1
            found = f"{plain}-{number}"
        taken.add(found)
        field["@id"] = f"faces/{found}"


def _columns(columns: Iterable[tuple[str, str]], source: Json) -> list[Json]:
    """Columns of a table, given as name and type."""
    return [_field(name, kind, source, {"column": name}) for name, kind in columns]


def _records(form: Form, columns: Sequence[str], tars: Sequence[str]) -> tuple[list[Json], list[Json]]:
    """Sets of files, and fields of the record set `faces`."""
    texts = [(name, _TEXT) for name in columns]
    pictures, content = {"fileSet": {"@id": "pictures"}}, {"fileProperty": "content"}
    filename = {"fileProperty": "filename"}
    match form:
        case "parquet":
            source = {"fileSet": {"@id": "parquet"}}
            image = _field("image", _IMAGE, source, {"column": "image"}, {"jsonPath": "bytes"})
            return [_set("parquet", _FORMATS[".parquet"], "data/*.parquet")], [image, *_columns(texts, source)]
        case "imagefolder":
            source = {"fileSet": {"@id": "metadata"}}
            sets = [_set("pictures", _PNG, "*/*.png"), _set("metadata", _FORMATS[".jsonl"], f"*/{METADATA}")]
            name = _field("file_name", _TEXT, pictures, filename)
            name["references"] = source | {"extract": {"column": "file_name"}}
            return sets, [name, _field("image", _IMAGE, pictures, content), *_columns(texts, source)]
        case "webdataset":  # the JSON beside each picture cannot be joined to it in Croissant
            stem = _field("face_id", _TEXT, pictures, filename, {"regex": r"^(.*)\.png$"})
            return [_set("pictures", _PNG, "*.png", tars)], [stem, _field("image", _IMAGE, pictures, content)]
        case "npz":  # Croissant knows no arrays of NumPy
            return [], _columns(texts, {"fileObject": {"@id": npz.RECORDS}})
        case "recipe":
            kinds = ((kind.name, _NUMBER if str(kind.type) == "int32" else _TEXT) for kind in recipe.RECIPE)
            return [], _columns(kinds, {"fileObject": {"@id": recipe.RECORDS}})
