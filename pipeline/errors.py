"""Every error a user can cause, each with the exit code the command line gives it.

    AnimeDataError
    ├── ParamsError    3   params.yaml or a command's options are wrong
    ├── SourceError    4   something outside cannot be had: a folder, a download, the cascade
    ├── DataError      5   data is damaged, empty, or not what the stage needs
    └── TrainingError  6   training cannot go on

A message is one sentence: what was expected, what was found, where, and what to do.
"""

from __future__ import annotations


class AnimeDataError(Exception):
    """Base of all errors that are shown to the user as one sentence, without a traceback."""

    exit_code = 1


class ParamsError(AnimeDataError):
    """params.yaml, or an option of a command, is wrong."""

    exit_code = 3


class SourceError(AnimeDataError):
    """Something outside cannot be had: a folder, an archive, a download, the cascade."""

    exit_code = 4


class DataError(AnimeDataError):
    """Data is damaged, empty, or not what the stage needs."""

    exit_code = 5


class TrainingError(AnimeDataError):
    """Training cannot go on."""

    exit_code = 6
