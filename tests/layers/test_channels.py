"""Which layer is which input channel, by name."""

import pytest

from napari_diffseg.layers import match_channels

BRATS = ["t1", "t1ce", "t2", "flair"]


def test_four_sequences_are_found_in_any_order():
    layers = ["BraTS_01_flair", "BraTS_01_t2", "BraTS_01_t1ce", "BraTS_01_t1"]
    assert match_channels(BRATS, layers) == dict(zip(BRATS, reversed(layers), strict=True))


@pytest.mark.parametrize("layer", ["case T1Gd", "T1CE", "x-t1c-y"])
def test_contrast_enhanced_t1_is_never_plain_t1(layer):
    assert match_channels(["t1", "t1ce"], [layer]) == {"t1ce": layer}


def test_a_layer_serves_one_channel_and_the_first_that_fits_is_taken():
    assert match_channels(["t1", "T1"], ["t1 [1]", "t1"]) == {"t1": "t1 [1]", "T1": "t1"}


def test_other_channels_are_found_as_whole_words():
    assert match_channels(["ADC"], ["adcs", "sub-3_adc.nii"]) == {"ADC": "sub-3_adc.nii"}
    assert match_channels(["t2"], ["head", "t2star", "t22"]) == {}
