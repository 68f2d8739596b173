"""What a dock that works in threads owes the window it stands in: room at first, and a quiet end."""

from __future__ import annotations

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QApplication, QWidget

from napari_diffseg.widgets.errand import give_up_all


class Dock(QWidget):
    """Shuts down when it is removed or the program ends, and has the colours of the viewer's theme.

    Args:
        viewer: that it is docked in.
        least_width: in pixels.
        width: that it has at first, in pixels; napari makes docks as narrow as this.
    """

    def __init__(self, viewer: ViewerModel, *, least_width: int, width: int) -> None:
        super().__init__()
        self._viewer, self._width = viewer, width
        self.setMinimumWidth(least_width)
        viewer.events.theme.connect(self.colour)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.shut_down)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """As wide as it wants to be."""
        return QSize(self._width, super().sizeHint().height())

    def event(self, event: QEvent | None) -> bool:
        """Notice that the dock was removed: napari takes it from its parent and tells nothing else."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut_down()
        return bool(super().event(event))

    def shut_down(self) -> None:
        """Leave no thread; called when the dock or the viewer closes, perhaps for both."""
        give_up_all(self)
        self._viewer.events.theme.disconnect(self.colour)

    def colour(self, event: object = None) -> None:
        """Take the colours of the viewer's theme."""
        raise NotImplementedError
