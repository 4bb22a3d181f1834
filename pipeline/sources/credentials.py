"""Accounts at a site, from the environment: never in params.yaml, which is kept in git."""

from __future__ import annotations

import os

from pipeline.errors import ParamsError


def credentials(user_variable: str, key_variable: str) -> tuple[str, str] | None:
    """User and key; None where neither is set.

    Raises:
        ParamsError: only one of them is set.
    """
    user, key = os.environ.get(user_variable), os.environ.get(key_variable)
    if user and key:
        return user, key
    if user or key:
        there, missing = (user_variable, key_variable) if user else (key_variable, user_variable)
        raise ParamsError(
            f"expected {there} and {missing} in the environment, found {there} alone: set both or neither"
        )
    return None
