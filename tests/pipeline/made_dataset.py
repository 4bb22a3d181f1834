"""A small project with a dataset in it: three batches, cropped, selected and packed by the real stages."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from pipeline.crop import crop_batch
from pipeline.draw import draw_illustration
from pipeline.drawing import draw_batch
from pipeline.hashing import content_id
from pipeline.images import encode_png
from pipeline.pack import pack_faces
from pipeline.params import load_params
from pipeline.records import IMAGES, write_records
from pipeline.select import select_faces
from pipeline.source_params import DrawnParams
from pipeline.tars import write_tar

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.records import Row

PARAMS = """\
batches:
  drawn: { path: data/raw/drawn, faces: detect }
  web: { path: data/raw/web, faces: detect }
  squares: { path: squares.zip, faces: whole_image }
ingest:
  drawn: { kind: drawn, count: 40, seed: 0 }
select: { val: 0.2, test: 0.2 }
pack: { shard_faces: 16 }
"""
AUTHORS = ("alice", "bob", None)
LICENCES = {
    "alice": ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "bob": ("All rights reserved", None),
}


def make_dataset(root: Path) -> None:
    """Fill a project folder: params.yaml, pictures, data/faces, data/selection.parquet, data/shards.

    `drawn`: 40 illustrations with their truth. `web`: 24 by alice, bob and an unknown author, as `ingest` would
    leave them. `squares`: a zip of 12 square pictures with nothing known of them.
    """
    (root / "params.yaml").write_text(PARAMS)
    raw = root / "data" / "raw"
    draw_batch(DrawnParams(kind="drawn", count=40, seed=0), raw / "drawn", 1)
    _fetch(raw / "web")
    _zip(root / "squares.zip")
    run_stages(root)


def run_stages(root: Path) -> None:
    """Crop, select and pack a project as its params.yaml says."""
    params = load_params(root / "params.yaml")
    faces, selection = root / "data" / "faces", root / "data" / "selection.parquet"
    for name, batch in params.batches.items():
        crop_batch(root / batch.path, faces / name, params.crop, batch.faces)
    select_faces(params.batches, faces, selection, params.select)
    pack_faces(selection, faces, root / "data" / "shards", params.pack, 1)


def _fetch(out: Path) -> None:
    members: list[tuple[str, bytes]] = []
    rows: list[Row] = []
    for index in range(24):
        content = encode_png(draw_illustration(9, index).rgb)
        author = AUTHORS[index % 3]
        licence, licence_url = LICENCES.get(author or "", (None, None))
        name = f"{content_id(content)}.png"
        members.append((name, content))
        rows.append(
            {"image_id": content_id(content), "image": f"pictures-00000.tar/{name}", "bytes": len(content)}
            | {"source": "danbooru:https://board.example", "id": str(index), "author": author}
            | {"licence": licence, "licence_url": licence_url, "rating": "safe", "tags": ["1girl", "blue_hair"]}
            | {"url": f"https://board.example/{index}.png", "page_url": f"https://board.example/posts/{index}"}
        )
    out.mkdir(parents=True)
    write_tar(out / "pictures-00000.tar", members)
    write_records(out / "images.parquet", IMAGES, rows)


def _zip(path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(12):
            picture = draw_illustration(11, index)
            box = picture.faces[0].box
            side = min(box.width * 2, *picture.rgb.shape[:2])
            top, left = max(0, box.y - box.height // 2), max(0, box.x - box.width // 2)
            square = picture.rgb[top : top + side, left : left + side]
            archive.writestr(zipfile.ZipInfo(f"{index:03d}.png"), encode_png(square.copy()))
    path.write_bytes(buffer.getvalue())
