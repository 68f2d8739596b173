"""The process of a run: python -m napari_diffseg.training RUN [--check]."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from napari_diffseg.errors import DiffSegError


def main() -> int:
    """Train, or forecast what that takes; say in one sentence what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m napari_diffseg.training")
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--check", action="store_true", help="only take a few steps, and print the forecast")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        return _check(options.run) if options.check else _train(options.run)
    except DiffSegError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _train(run: Path) -> int:
    """The run and, where it asks for one, the control after it."""
    from napari_diffseg.training.config import read_run
    from napari_diffseg.training.folder import RUN
    from napari_diffseg.training.run import train

    ended = train(run)
    if ended.state == "finished" and read_run(run / RUN).with_control:
        from napari_diffseg.training.follow_up import follow_up

        ended = follow_up(run)
    return 1 if ended.state == "failed" else 0


def _check(run: Path) -> int:
    from napari_diffseg.training.check import forecast
    from napari_diffseg.training.config import read_run
    from napari_diffseg.training.folder import RUN

    print(json.dumps(asdict(forecast(read_run(run / RUN)))))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
