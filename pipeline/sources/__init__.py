"""Where pictures come from: one module a kind."""

from __future__ import annotations

from typing import Any

Picture = tuple[bytes, dict[str, Any]]  # the file's content, and its row of images.parquet
