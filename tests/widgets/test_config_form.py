"""The form of a run: any config of any method goes in and comes out as it was."""

import pytest
from pydantic import BaseModel, Field

from napari_diffseg.errors import SettingsError
from napari_diffseg.methods.registry import methods
from napari_diffseg.widgets.field_help import attributes, help_of, label_of
from napari_diffseg.widgets.options_form import OptionsForm

PRESETS = [(entry, preset) for entry in methods().values() for preset in entry.load().PRESETS]


@pytest.mark.parametrize(("entry", "preset"), PRESETS, ids=lambda one: getattr(one, "name", one))
def test_every_preset_of_every_method_comes_back_unchanged(qapp, entry, preset):
    config = entry.load().PRESETS[preset]
    form = OptionsForm(config, empty="none")
    assert form.options() == config
    assert type(form.options().unet) is type(config.unet)
    assert set(form.names) == set(type(config).model_fields)


class Shape(BaseModel):
    """A shape.

    Attributes:
        widths: channels at each level, and
            one more word.
    """

    widths: tuple[int, ...] = (32, 64)
    blocks: int | tuple[int, ...] = 2


class Settings(BaseModel):
    """Settings.

    Attributes:
        rate: at its highest.
        crop_voxels: None takes all.
        shape: of the network.
    """

    rate: float = Field(1e-5, gt=0, le=1)
    crop_voxels: tuple[int, int, int] | None = None
    flip: tuple[bool, bool] = (True, False)
    steps: int = Field(10, ge=1, le=500)
    shape: Shape = Shape()


@pytest.fixture
def form(qapp):
    return OptionsForm(Settings(), empty="none")


def test_tuples_are_text_with_commas(form):
    assert form.rows["flip"].value == "yes, no"
    form.rows["flip"].value = "no, yes"
    form.groups["shape"].rows["widths"].value = "8, 16,32"
    assert form.options().flip == (False, True)
    assert form.options().shape.widths == (8, 16, 32)


def test_an_empty_text_is_none_and_its_word_stands_in_grey(form):
    row = form.rows["crop_voxels"]
    assert (row.value, row.native.placeholderText()) == ("", "none")
    row.value = "64, 64, 32"
    assert form.options().crop_voxels == (64, 64, 32)
    row.value = " "
    assert form.options().crop_voxels is None


@pytest.mark.parametrize("blocks", [3, (3,), (1, 2)])
def test_one_value_and_a_tuple_of_one_are_told_apart(qapp, blocks):
    assert OptionsForm(Shape(blocks=blocks)).options().blocks == blocks


def test_a_small_number_keeps_every_digit(qapp):
    rate = 1.2345678901234567e-07
    assert OptionsForm(Settings(rate=rate)).options().rate == rate


def test_a_change_inside_a_group_is_told(form):
    told = []
    form.changed.connect(lambda: told.append(form.options().shape.blocks))
    form.groups["shape"].rows["blocks"].value = "5"
    assert told == [5]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [("rate", "2", "Rate cannot be “2”"), ("crop_voxels", "1, 2", r"Crop \(voxels\) cannot be")],
)
def test_a_value_out_of_range_is_a_sentence_that_names_the_row(form, name, text, sentence):
    form.rows[name].value = text
    with pytest.raises(SettingsError, match=sentence):
        form.options()


def test_settings_that_contradict_one_another_are_one_sentence(qapp):
    form = OptionsForm(PRESETS[0][0].load().PRESETS["paper"])
    form.groups["unet"].rows["attention_at"].value = "3"
    with pytest.raises(SettingsError, match=r"^attention_at is \(3,\), but .* or none\.$"):
        form.options()


def test_labels_have_units_and_help_comes_from_docstrings_with_the_range(form):
    fields = Settings.model_fields
    assert label_of("crop_voxels", fields["crop_voxels"]) == "Crop (voxels)"
    assert help_of(Settings)["rate"] == "At its highest. More than 0, at most 1."
    assert help_of(Settings)["steps"] == "From 1 to 500."
    assert help_of(Shape)["widths"] == "Channels at each level, and one more word."
    assert form.rows["rate"].native.toolTip() == help_of(Settings)["rate"]


def test_help_of_a_field_is_found_in_the_model_that_it_was_inherited_from():
    assert "guided-diffusion" in help_of(methods()["ensemdiff"].load().Config)["noise_schedule"]


def test_a_docstring_without_attributes_gives_no_help():
    assert attributes("A model.\n\nArgs:\n    width: of it.\n") == {}


def test_every_setting_of_every_method_has_help():
    for entry, preset in PRESETS:
        config = entry.load().PRESETS[preset]
        for model in (config, config.unet):
            assert all(help_of(type(model)).values()), type(model)


def test_the_wheel_over_a_row_without_focus_changes_nothing(qtbot, form):
    spin = form.rows["steps"].native
    qtbot.addWidget(spin)
    spin.show()
    assert turned(spin).isAccepted() is False
    assert form.options().steps == 10


def turned(widget):
    from qtpy.QtCore import QPoint, QPointF, Qt
    from qtpy.QtGui import QWheelEvent
    from qtpy.QtWidgets import QApplication

    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event
