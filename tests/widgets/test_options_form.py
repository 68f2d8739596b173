import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from napari_diffseg.errors import SettingsError
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume import Box
from napari_diffseg.widgets.options_form import OptionsForm

OPTIONS = st.builds(
    SamplingOptions,
    members=st.integers(1, 64),
    steps=st.none() | st.integers(1, 1000),
    seed=st.integers(0, 2**32 - 1),
    sampler=st.none() | st.sampled_from(["ddpm", "ddim", "heun", "dpm-solver++"]),
    eta=st.floats(0, 1),
    slice_noise=st.sampled_from(["shared", "independent"]),
    start_slice=st.none() | st.integers(0, 2000),
    fusion=st.none() | st.sampled_from(["mean", "majority", "staple", "squared-mean"]),
    relative_area=st.none() | st.floats(0, 1, exclude_min=True),
    threshold=st.floats(0, 1, exclude_min=True, exclude_max=True),
    device=st.sampled_from(["auto", "cpu", "cuda", "mps"]),
    precision=st.sampled_from(["auto", "bf16", "fp32"]),
    members_at_once=st.none() | st.integers(1, 64),
    keep_members=st.booleans(),
    reproducible=st.booleans(),
    preview=st.booleans(),
    box=st.none() | st.just(Box((1, 2, 3), (4, 5, 6))),
)


@pytest.mark.usefixtures("qapp")
@given(OPTIONS)
@settings(max_examples=30, deadline=None)
def test_the_form_gives_back_any_options_unchanged(options):
    assert OptionsForm(options).options() == options


def test_every_option_but_the_region_has_a_row(qapp):
    assert set(OptionsForm(SamplingOptions()).rows) == set(SamplingOptions.model_fields) - {"box"}


def test_an_empty_text_means_automatic_and_a_number_means_itself(qapp):
    form = OptionsForm(SamplingOptions(steps=7))
    form.rows["steps"].value = ""
    assert form.options().steps is None
    form.rows["steps"].value = "12"
    assert form.options().steps == 12


@pytest.mark.parametrize(("name", "text"), [("threshold", "much"), ("threshold", "1.5"), ("steps", "0")])
def test_a_text_that_is_no_value_is_a_sentence_that_names_the_row(qapp, name, text):
    form = OptionsForm(SamplingOptions())
    form.rows[name].value = text
    with pytest.raises(SettingsError, match=f"{name.capitalize()} cannot be “{text}”"):
        form.options()


def test_a_hidden_row_gives_what_the_form_began_with(qapp):
    form = OptionsForm(SamplingOptions(members=4))
    first, other = form.panel(["members", "seed"]), form.panel(["threshold"])
    form.rows["members"].value, form.rows["seed"].value = 9, 3
    form.hide({"members"})
    assert (form.options().members, form.options().seed) == (4, 3)
    assert not first.isHidden()
    form.hide({"members", "seed"})
    assert first.isHidden()
    assert not other.isHidden()
    form.hide(())
    assert (form.options().members, form.options().seed) == (9, 3)


def test_the_form_tells_of_a_change(qapp):
    form, told = OptionsForm(SamplingOptions()), []
    form.changed.connect(lambda: told.append(form.options().members))
    form.rows["members"].value = 9
    assert told == [9]


class Unheard(BaseModel):
    rate: float | None = Field(1e-5, title="Rate")
    colour: str | None = None
    kind: bool | None = None
    many: tuple[int, ...] = (1, 2)
    table: dict[str, int] = {"a": 1}


def test_a_model_never_seen_before_round_trips_too(qapp):
    form = OptionsForm(Unheard())
    assert set(form.rows) == {"rate", "colour", "many"}
    assert form.options() == Unheard()
