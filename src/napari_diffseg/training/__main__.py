"""The process of a run: python -m napari_diffseg.training RUN [--check].

Its answers are files of the run's folder. What it says besides goes to stderr, which `launch` keeps as
log.txt.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from napari_diffseg.errors import DiffSegError
from napari_diffseg.training.events import Ended

logger = logging.getLogger(__name__)


def main() -> int:
    """Train, or forecast what that takes; 1 where it failed."""
    parser = argparse.ArgumentParser(prog="python -m napari_diffseg.training")
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--check", action="store_true", help="only take a few steps, and write forecast.json")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        ended = _check(options.run) if options.check else _train(options.run)
    except DiffSegError as error:
        logger.error("%s", error)
        return 1
    return 1 if ended.state == "failed" else 0


def _train(run: Path) -> Ended:
    """The run and, where it asks for one, the control after it."""
    from napari_diffseg.training.config import read_run
    from napari_diffseg.training.folder import RUN
    from napari_diffseg.training.run import train

    ended = train(run)
    if ended.state == "finished" and read_run(run / RUN).with_control:
        from napari_diffseg.training.follow_up import follow_up

        return follow_up(run)
    return ended


def _check(run: Path) -> Ended:
    from napari_diffseg.training.check import check

    return check(run)


if __name__ == "__main__":
    sys.exit(main())
