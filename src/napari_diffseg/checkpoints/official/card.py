"""The document of an imported checkpoint: what can be said of weights that say nothing of themselves."""

from __future__ import annotations

from pydantic import ValidationError

from napari_diffseg.checkpoints.document import Channel, Document
from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.model import Model, Wanted
from napari_diffseg.checkpoints.official.sources import Source
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.registry import method
from napari_diffseg.results.classes import named


def card(foreign: Foreign, entry: Source, model: Model, name: str, wanted: Wanted) -> Document:
    """Names as wanted, or neutral ones: which organ a channel of numbers means is not in the file.

    Raises:
        CheckpointError: the names are not as many as the network has channels or classes, or not usable.
    """
    _check_counts(foreign, model, wanted)
    channels = wanted.channels or _numbered("channel", model.channels)
    classes = wanted.classes or _numbered("class", model.classes)
    try:
        return Document(
            name=name[:128],
            title=f"{entry.title}, imported from {foreign.file}"[:256],
            method=model.method,
            config=model.config.model_dump(mode="json"),
            classes=named(classes),
            channels=tuple(Channel(name=text) for text in channels),
            preparation=model.preparation,
            licence=f"Not known; ask the authors of the weights (github.com/{entry.repository}).",
            citation=method(model.method).paper,
            intended_use="Research. The file does not say what it was trained on, and the preparation here "
            "is what the official code or its paper says: try it on scans with known masks first.",
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise CheckpointError(
            f"{foreign.file} cannot be described at “{'.'.join(map(str, first['loc']))}”: {first['msg']}. "
            "Give other names."
        ) from error


def _check_counts(foreign: Foreign, model: Model, wanted: Wanted) -> None:
    for what, names, count in (
        ("image channels", wanted.channels, model.channels),
        ("foreground classes", wanted.classes, model.classes),
    ):
        if names is not None and len(names) != count:
            raise CheckpointError(
                f"{foreign.file} has {count} {what}, and {len(names)} names were given. Give one for each."
            )


def _numbered(what: str, count: int) -> list[str]:
    return [f"{what} {number}" for number in range(1, count + 1)]
