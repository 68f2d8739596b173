import numpy as np
import pytest

from napari_diffseg.volume import Grid, Scan


@pytest.fixture(scope="session")
def smooth_scan():
    """A scan without edges, of any size."""
    return _smooth_scan


def _smooth_scan(shape=(23, 31, 27), spacing=(1.0, 1.0, 1.0), dtype=np.float32):
    d, h, w = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    data = 100 + 40 * np.sin(d / 5) + 30 * np.cos(h / 6) + w
    return Scan(data[None].astype(dtype), Grid(shape, np.diag([*spacing, 1.0])))
