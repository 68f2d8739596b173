"""The sample scan that comes with the plugin."""

import nibabel as nib
import numpy as np
import pytest

from napari_diffseg.io.sample import sample_path


def test_sample_is_a_one_millimetre_head_in_mni_coordinates():
    sample = nib.load(sample_path())
    assert sample.shape == (197, 233, 189)
    assert sample.get_data_dtype() == np.uint8
    assert nib.aff2axcodes(sample.affine) == ("R", "A", "S")
    assert np.array_equal(sample.affine, [[1, 0, 0, -98], [0, 1, 0, -134], [0, 0, 1, -72], [0, 0, 0, 1]])
    assert (int(sample.header["sform_code"]), int(sample.header["qform_code"])) == (4, 4)


@pytest.mark.parametrize("hippocampus_mm", [(28, -21, -14), (-28, -21, -14)])
def test_hippocampi_lie_where_mni_coordinates_put_them(hippocampus_mm):
    sample = nib.load(sample_path())
    i, j, k = np.rint(nib.affines.apply_affine(np.linalg.inv(sample.affine), hippocampus_mm)).astype(int)
    voxels = np.asanyarray(sample.dataobj)
    assert 150 < voxels[i, j, k] < 195  # grey matter: white matter is above 200
    assert voxels[i - 3 : i + 4, j - 3 : j + 4, k - 8].mean() > voxels[i, j, k]  # white matter below it
