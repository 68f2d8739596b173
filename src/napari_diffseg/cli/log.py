"""The log of the command line: what a person is spared, kept for whoever mends it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

_LARGEST = 2**20


@contextmanager
def logging_to_file() -> Iterator[Path | None]:
    """Send our log records and Python's warnings to a file instead of the terminal.

    Yields:
        The file; None when it cannot be written.
    """
    handler, path = _handler()
    loggers = logging.getLogger("napari_diffseg"), logging.getLogger("py.warnings")
    before = [(logger.level, logger.propagate) for logger in loggers]
    logging.captureWarnings(True)
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield path
    finally:
        logging.captureWarnings(False)
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
        handler.close()


def _handler() -> tuple[logging.Handler, Path | None]:
    path = Path(platformdirs.user_log_dir("napari-diffseg", appauthor=False)) / "command-line.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_LARGEST, backupCount=1, encoding="utf-8")
    except OSError:  # a read-only home: the command can do its work all the same
        return logging.NullHandler(), None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler, path
