"""The process of a run: python -m napari_diffseg.training RUN."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from napari_diffseg.errors import DiffSegError


def main() -> int:
    """Train, and say in one sentence why it ended before its time."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from napari_diffseg.training.run import train

    (run,) = sys.argv[1:]
    try:
        ended = train(Path(run))
    except DiffSegError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 1 if ended.state == "failed" else 0


if __name__ == "__main__":
    sys.exit(main())
