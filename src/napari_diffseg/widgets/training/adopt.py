"""A run's checkpoint among a person's own models, and chosen in the Segment dock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from napari.components import ViewerModel

from napari_diffseg.checkpoints.catalogue import catalogue, user_folder
from napari_diffseg.errors import CheckpointError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.widgets.segment.segment import SegmentWidget

_ENDING = ".safetensors"


def adopt(checkpoint: Path, given_up: Flag) -> Iterator[Path]:
    """Copy a checkpoint into the user's folder, under a name that no other one has, bundled or not.

    Args:
        checkpoint: of a run.
        given_up: not heard; a copy is soon done.

    Yields:
        The copy; one from before where nothing but its name is another.

    Raises:
        CheckpointError: the file cannot be used, or the copy not written.
    """
    from napari_diffseg.checkpoints.checkpoint import load_checkpoint, save_checkpoint

    loaded, folder, known = load_checkpoint(checkpoint), user_folder(), catalogue()
    for entry in known:
        if entry.document == loaded.document.model_copy(update={"name": entry.name}):
            yield entry.path
            return
    taken = {entry.name for entry in known} | {entry.path.stem for entry in known}
    name = unused(slug(loaded.document.name, "model"), taken)
    copy = folder / f"{name}{_ENDING}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(copy, loaded.document.model_copy(update={"name": name}), loaded.weights)
    except OSError as error:
        raise CheckpointError(
            f"The checkpoint cannot be copied to {folder}: {error.strerror}. Free some disk space there."
        ) from error
    yield copy


def choose_in_segment(viewer: ViewerModel, checkpoint: Path) -> bool:
    """Bring up the window's Segment dock, open it where it is not, and choose the checkpoint there.

    Returns:
        False for a viewer without a window.
    """
    window = getattr(viewer, "window", None)
    if window is None:
        return False
    docks = window.dock_widgets.values()
    dock = next((dock for dock in docks if isinstance(dock, SegmentWidget)), None)
    if dock is None:
        _, dock = window.add_plugin_dock_widget("napari-diffseg", "Segment", tabify=True)
    dock.model.take(checkpoint)
    holder = dock.parentWidget()
    if holder is not None:
        holder.show()
        holder.raise_()
    return True
