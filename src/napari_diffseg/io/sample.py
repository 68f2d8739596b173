"""Where the sample scan lies: inside an installed package, or at the top of the source tree."""

from pathlib import Path

from napari_diffseg.errors import ScanError

SAMPLE_NAME = "head_mr_mni152.nii.gz"


def sample_path() -> Path:
    """The head MR that comes with the plugin: a T1 template, the average of 152 people, brain only.

    Raises:
        ScanError: the file is in neither place.
    """
    package = Path(__file__).parents[1]
    places = [package / "sample_data", package.parents[1] / "sample_data"]
    for place in places:
        if (place / SAMPLE_NAME).is_file():
            return place / SAMPLE_NAME
    raise ScanError(
        f"The sample scan {SAMPLE_NAME} was expected in {' or '.join(map(str, places))} and is missing. "
        "Install napari-diffseg again, or open a scan of your own."
    )
