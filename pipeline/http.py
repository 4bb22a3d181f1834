"""Fetching over HTTP."""

from __future__ import annotations

import requests

from pipeline.errors import SourceError

_USER_AGENT = "anime-data/0.1"
_TIMEOUT = (5.0, 30.0)  # seconds to connect, seconds between bytes


def download(url: str, max_bytes: int) -> bytes:
    """The body of a small file.

    Raises:
        SourceError: the server cannot be reached, answers with an error, or sends too much.
    """
    try:
        with requests.get(url, headers={"User-Agent": _USER_AGENT}, timeout=_TIMEOUT, stream=True) as response:
            response.raise_for_status()
            body = b""
            for part in response.iter_content(65536):
                body += part
                if len(body) > max_bytes:
                    raise SourceError(f"{url} sends more than {max_bytes} bytes")
            return body
    except requests.HTTPError as error:
        raise SourceError(f"{url} answered {error.response.status_code}") from None
    except requests.RequestException as error:
        raise SourceError(f"{url} cannot be reached ({type(error).__name__})") from None
