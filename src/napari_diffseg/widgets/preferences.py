"""What a person set in napari's preferences for this plugin."""

from __future__ import annotations

import logging
from pathlib import Path

from napari.settings import get_plugin_settings
from pydantic import ValidationError

from napari_diffseg.results.options import SamplingOptions

logger = logging.getLogger(__name__)


def preferred_options() -> SamplingOptions:
    """The options that a form shows at first."""
    chosen = {name: value for name in ("members", "device") if (value := _preference(name)) is not None}
    try:
        return SamplingOptions.model_validate(chosen)
    except ValidationError:
        logger.warning("The preferences %s are not used: out of range", chosen)
        return SamplingOptions()


def preferred_folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for beside the usual places."""
    folder = _preference("checkpoint_folder")
    return (Path(str(folder)).expanduser(),) if folder else ()


def _preference(name: str) -> object:
    """None where napari does not know the plugin, as in a script that imports the widget alone."""
    try:
        return getattr(get_plugin_settings("napari-diffseg").segment, name, None)
    except (KeyError, AttributeError):
        return None
