"""The command line: thin commands, exit codes 0 done, 1 our error, 2 usage, 130 cancelled."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from napari_diffseg.cli import data, demo, models, raters, segment, train
from napari_diffseg.cli.log import logging_to_file
from napari_diffseg.cli.output import Output
from napari_diffseg.errors import CancelledError, DiffSegError

__all__ = ["app", "main"]

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="napari-diffseg",
    help="Diffusion segmentation of 3D scans: several answers, their mean and variance, one consensus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("segment")(segment.segment)
app.command("train")(train.train)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(raters.app, name="raters")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit; whatever goes wrong ends in one sentence on stderr.

    Args:
        arguments: after the program's name; None takes those of the process.
    """
    with logging_to_file() as log:
        try:
            app(arguments)
        except CancelledError as error:
            _say(str(error))
            sys.exit(130)
        except KeyboardInterrupt:
            sys.exit(130)
        except DiffSegError as error:
            logger.info("A command ended with an error", exc_info=True)
            _say(str(error))
            sys.exit(1)
        except Exception as error:
            logger.exception("A command failed")
            _say(_bug(error, log))
            sys.exit(1)
    sys.exit(0)


def _say(sentence: str) -> None:
    Output().warn(sentence)


def _bug(error: Exception, log: Path | None) -> str:
    where = f"the details are in {log}" if log else "no log could be written"
    return f"This should not have happened ({type(error).__name__}): please report it; {where}."


def _show_version(wanted: bool) -> bool:
    if wanted:
        Output().line(f"napari-diffseg {version('napari-diffseg')}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before a command."""
