"""A run's curves for TensorBoard, in tensorboard/ beside events.jsonl, for whoever asks for them."""

from __future__ import annotations

from pathlib import Path

from napari_diffseg.errors import TrainingError
from napari_diffseg.training.events import Event, Stepped, Validated

TENSORBOARD = "tensorboard"


class Board:
    """Curves of one process of a run.

    Args:
        run: its folder.
        step: that is done; what an earlier process wrote of later ones is void.

    Raises:
        TrainingError: TensorBoard is not installed.
    """

    def __init__(self, run: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise TrainingError(
                "TensorBoard is not installed. Install napari-diffseg[tensorboard], or set train.tensorboard "
                "to false."
            ) from error
        self._writer = SummaryWriter(run / TENSORBOARD, purge_step=step + 1)

    def show(self, event: Event) -> None:
        """Add what an event says of a curve, if it does."""
        if isinstance(event, Stepped):
            parts = {f"loss/{name}": value for name, value in event.parts.items()}
            self._add({"loss": event.loss, **parts, "learning rate": event.learning_rate}, event.step)
        elif isinstance(event, Validated):
            self._add({f"validation/{name}": value for name, value in event.metrics.items()}, event.step)
            self._writer.flush()

    def close(self) -> None:
        """Nothing is added after this."""
        self._writer.close()

    def _add(self, values: dict[str, float | None], step: int) -> None:
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)
