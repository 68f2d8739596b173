"""`napari-diffseg train`: a data set and a method in, a run folder out; or a run that goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_diffseg.cli.output import Output
from napari_diffseg.cli.training_progress import carry_out
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import TrainingError
from napari_diffseg.training.comparison import read_comparison
from napari_diffseg.training.config import read_run, valid_run, with_settings
from napari_diffseg.training.folder import make_run, read_summary
from napari_diffseg.training.without_diffusion import control_of


def train(
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="A folder of cases, or an HDF5 file.")
    ] = None,
    *,
    method: Annotated[str, typer.Option(metavar="NAME", help="One of “models list”.")] = "imgx",
    preset: Annotated[str, typer.Option(metavar="NAME", help="“small”, “paper” or another of it.")] = "small",
    config: Annotated[
        Path | None, typer.Option(metavar="TOML", help="A file with all settings, such as a run's run.toml.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="A setting of run.toml, such as train.steps=2000."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Run folder; by default a new, dated one here.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with this run from its last saved state.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out cases that cannot be trained on.")
    ] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits on the same machine; slower on a GPU.")
    ] = False,
    with_control: Annotated[
        bool,
        typer.Option("--with-control", help="Then train the same network without diffusion, and compare."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")] = False,
) -> None:
    """Train a method on a data set, in a process of its own; Ctrl+C saves and stops it."""
    output = Output(as_json, quiet)
    if resume is None:
        wanted = _settings(settings, skip_bad, deterministic, with_control)
        run = _made(data, method, preset, config, wanted, out)
    elif data or config or settings or out or skip_bad or deterministic or with_control:
        raise typer.BadParameter("stands alone: a run goes on as its run.toml says.", param_hint="--resume")
    else:
        run = resume
    ended = carry_out(run, output)
    _report(run, output)
    if ended.state == "failed":
        raise TrainingError(ended.sentence)
    if ended.state == "stopped":
        output.note(f"Stopped; go on with: napari-diffseg train --resume {run}")
        raise typer.Exit(130)


def _settings(
    settings: list[str] | None, skip_bad: bool, deterministic: bool, with_control: bool
) -> list[str]:
    flags = {
        "data.skip_bad=true": skip_bad,
        "train.deterministic=true": deterministic,
        "with_control=true": with_control,
    }
    return [*(settings or []), *(setting for setting, wanted in flags.items() if wanted)]


def _made(
    data: Path | None, method: str, preset: str, config: Path | None, settings: list[str], out: Path | None
) -> Path:
    """A new run's folder."""
    content = _from_file(config, data) if config else _from_preset(data, method, preset)
    name = out.name if out else f"{content['method']}-{datetime.now():%Y-%m-%d-%H%M%S}"
    content["name"] = name
    run = out or Path(name)
    valid = valid_run(with_settings(content, settings), "The settings")
    if valid.with_control:
        control_of(valid)  # refuses a method that has none now, not when the run is over
    make_run(run, valid)
    return run


def _from_file(config: Path, data: Path | None) -> dict[str, Any]:
    content = read_run(config).model_dump(mode="json")
    return with_settings(content, [f"data.path={json.dumps(str(data.resolve()))}"]) if data else content


def _from_preset(data: Path | None, method: str, preset: str) -> dict[str, Any]:
    if data is None:
        raise typer.BadParameter("is needed, or --config, or --resume.", param_hint="DATA")
    dataset = open_dataset(data)
    from napari_diffseg.training.presets import new_run  # brings torch

    return new_run("new", method_name=method, preset=preset, dataset=dataset).model_dump(mode="json")


def _report(run: Path, output: Output) -> None:
    summary = read_summary(run)
    best = summary.best
    if best is not None:
        output.line(f"Best at step {best.step} ({best.selected_by}): {_overall(best.metrics)}")
    comparison = read_comparison(run, summary.config)
    if comparison is not None:
        for line in (comparison.sentence, comparison.verdict, comparison.note):
            output.line(line)
    output.line(f"Run folder: {run}")
    output.document(
        {
            "run": str(run.resolve()),
            "state": summary.status.state if summary.status else None,
            "step": summary.status.step if summary.status else 0,
            "best": best.model_dump() if best else None,
            "checkpoint": str(summary.checkpoint.resolve()) if summary.checkpoint else None,
            "comparison": comparison.model_dump() if comparison else None,
        }
    )


def _overall(metrics: Mapping[str, float | None]) -> str:
    """Those over all classes, where they are defined."""
    return ", ".join(
        f"{name} {value:.4g}" for name, value in metrics.items() if value is not None and ", " not in name
    )
