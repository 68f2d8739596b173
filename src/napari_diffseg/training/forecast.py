"""What a run would take, in forecast.json of its folder. Torch-free."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_diffseg.errors import TrainingError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.training.status import read_status

FORECAST = "forecast.json"


class Forecast(BaseModel):
    """What a run would take on this machine.

    Attributes:
        seconds_a_step: without validations; the median of a few steps after the first one.
        memory_bytes: most that was alive at once on the GPU; on a CPU, of the process.
        parameters: of the network.
        device: that was used, for example "cpu" or "cuda:0".
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    seconds_a_step: float
    memory_bytes: int
    parameters: int
    device: str


def write_forecast(run: Path, forecast: Forecast) -> None:
    """Write forecast.json, at once.

    Raises:
        OSError: the disk is full.
    """
    with replacing(run / FORECAST) as partial:
        partial.write_text(forecast.model_dump_json(), encoding="utf-8")


def read_forecast(run: Path) -> Forecast:
    """What a check of the run found.

    Raises:
        TrainingError: it found nothing; says why.
    """
    try:
        return Forecast.model_validate_json((run / FORECAST).read_bytes())
    except (OSError, ValidationError) as error:
        status = read_status(run)
        why = status.sentence if status is not None else ""
        raise TrainingError(
            why or "The check ended without a word. Start the run: its log tells more."
        ) from error
