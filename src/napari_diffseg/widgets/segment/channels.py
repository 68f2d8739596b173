"""One image layer for each input channel of a model."""

from __future__ import annotations

from collections.abc import Sequence

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_diffseg.errors import ScanError
from napari_diffseg.layers import match_channels
from napari_diffseg.layers.source import METADATA_KEY, Source
from napari_diffseg.widgets.rows import Rows


class ChannelChooser(QWidget):
    """A combo box a channel; layers are matched by name where they say which channel they are.

    Signals:
        changed: another layer was chosen, or there are other channels.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.combos: dict[str, ComboBox] = {}
        self._layout = Rows(self)
        self.set_channels(("image",))

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels asked for."""
        return tuple(self.combos)

    def set_channels(self, channels: Sequence[str]) -> None:
        """Ask for these channels; the rows are made anew when they differ."""
        if tuple(channels) == self.channels:
            return
        while self._layout.rowCount():
            self._layout.removeRow(0)
        self.combos = {channel: self._row(channel, alone=len(channels) == 1) for channel in channels}
        self._match()
        self.changed.emit()

    def reset_choices(self) -> None:
        """Layers came, went or were renamed."""
        fewer = any(combo.value is None for combo in self.combos.values())
        for combo in self.combos.values():
            combo.reset_choices()
        if fewer:
            self._match()
        self.changed.emit()

    def layers(self) -> list[Image]:
        """The chosen layer of each channel.

        Raises:
            ScanError: a channel has none.
        """
        missing = [channel for channel, combo in self.combos.items() if combo.value is None]
        if missing and not self._images():
            raise ScanError("No image is open. Open a scan through File → Open, or File → Open Sample.")
        if missing:
            raise ScanError(f"No layer is chosen for {', '.join(missing)}. Choose one for each channel.")
        return [combo.value for combo in self.combos.values()]

    def _row(self, channel: str, *, alone: bool) -> ComboBox:
        combo = ComboBox(choices=lambda _: self._images(), name=channel, nullable=True)
        combo.native.setToolTip(f"The layer that the model gets as {channel}.")
        combo.changed.connect(self._tell)
        self._layout.add("Image" if alone else channel, combo.native)
        return combo

    def _match(self) -> None:
        """Fill combos that are empty: by name, and a lone channel with the first image there is."""
        images = self._images()
        found = match_channels(self.channels, [image.name for image in images])
        for channel, combo in self.combos.items():
            name = found.get(channel)
            fitting = [image for image in images if image.name == name]
            if combo.value is None and (fitting or (images and len(self.combos) == 1)):
                combo.value = (fitting or images)[0]

    def _images(self) -> list[Image]:
        """Image layers but those that runs made, of segmenting or of training."""
        return [
            layer for layer in self._viewer.layers if isinstance(layer, Image) and not _made_by_run(layer)
        ]

    def _tell(self, *_: object) -> None:
        self.changed.emit()


def _made_by_run(layer: Image) -> bool:
    source = layer.metadata.get(METADATA_KEY)
    return isinstance(source, Source) and (source.run > 0 or source.preview)
