"""What a person set in napari's preferences for this plugin."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import platformdirs
from napari.settings import get_plugin_settings
from pydantic import ValidationError

from napari_diffseg.results.options import SamplingOptions

logger = logging.getLogger(__name__)

_PLUGIN = "napari-diffseg"


def preferred_options() -> SamplingOptions:
    """The options that a form shows at first."""
    wanted = {name: _preference("segment", name) for name in ("members", "device")}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    try:
        return SamplingOptions.model_validate(chosen)
    except ValidationError:
        logger.warning("The preferences %s are not used: out of range", chosen)
        return SamplingOptions()


def preferred_folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for beside the usual places."""
    folder = _preference("segment", "checkpoint_folder")
    return (Path(str(folder)).expanduser(),) if folder else ()


def preferred_runs_folder() -> Path:
    """Where training runs are made and looked for."""
    folder = _preference("train", "runs_folder")
    if folder:
        return Path(str(folder)).expanduser()
    return Path(platformdirs.user_data_dir(_PLUGIN, appauthor=False)) / "runs"


def prefer_runs_folder(folder: Path) -> None:
    """Remember another folder for runs, where napari knows the plugin."""
    with suppress(KeyError, AttributeError):
        get_plugin_settings(_PLUGIN).train.runs_folder = str(folder)


def _preference(section: str, name: str) -> object:
    """None where napari does not know the plugin, as in a script that imports the widget alone."""
    try:
        return getattr(getattr(get_plugin_settings(_PLUGIN), section), name, None)
    except (KeyError, AttributeError):
        return None
