"""How classes and maps look in a viewer, the same for results and for previews."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from napari.utils.colormaps import Colormap, DirectLabelColormap, ensure_colormap

from napari_diffseg.results.result import ClassInfo

GREATEST_VARIANCE = 0.25  # of anything between 0 and 1
_MOST_OPAQUE = 0.5
_NO_CLASS = "#ffffff"  # a label that a person paints and no class has stays visible


def colours_of(classes: Sequence[ClassInfo]) -> DirectLabelColormap:
    """The classes' own colours for the labels 1, 2, …"""
    colours: dict[int | None, str] = {None: _NO_CLASS, 0: "transparent"}
    colours |= {label: info.colour for label, info in enumerate(classes, start=1)}
    return DirectLabelColormap(color_dict=colours)


def fading(colormap: str) -> Colormap:
    """A colormap that lets the scan through where the value is small."""
    colours = ensure_colormap(colormap).colors.copy()
    colours[:, 3] = np.linspace(0, _MOST_OPAQUE, len(colours))
    return Colormap(colours, name=f"{colormap}, fading", display_name=f"{colormap}, fading")


def names_of(classes: Sequence[ClassInfo]) -> pd.DataFrame:
    """The classes' names as a labels layer's features, so that the status bar shows them."""
    names = ["background", *(info.name for info in classes)]
    return pd.DataFrame({"index": range(len(names)), "name": names})
