"""What importing costs, and that every public name is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import napari_diffseg

LIGHT = [
    "napari_diffseg",
    "napari_diffseg.volume",
    "napari_diffseg.io",
    "napari_diffseg.metrics",
    "napari_diffseg.fusion",
    "napari_diffseg.results.folder",
    "napari_diffseg.results.timing",
    "napari_diffseg.methods.registry",
    "napari_diffseg.checkpoints.catalogue",
    "napari_diffseg.cli",
]
LOADED = """
import importlib, sys, time
began = time.process_time()
importlib.import_module(sys.argv[1])
print(time.process_time() - began, *{"torch", "monai", "napari", "qtpy"} & set(sys.modules))
"""

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
HUGE_PAGES_WANTED = "THP_MEM_ALLOC_ENABLE"  # this process has it from importing the package
ALLOCATED = """
import napari_diffseg, torch
tensor = torch.zeros(2**24)
print(*(line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")))
"""


def loaded_by(module):
    done = subprocess.run([sys.executable, "-c", LOADED, module], capture_output=True, text=True, check=True)
    seconds, *heavy = done.stdout.split()
    return float(seconds), set(heavy)


@pytest.mark.parametrize("module", LIGHT)
def test_importing_it_brings_neither_torch_nor_a_screen(module):
    assert loaded_by(module)[1] == set()


def test_layers_bring_napari_and_no_torch():
    assert not loaded_by("napari_diffseg.layers")[1] & {"torch", "monai"}


def test_importing_the_package_is_quick():
    assert min(loaded_by("napari_diffseg")[0] for _ in range(3)) < 0.2


def test_every_public_name_is_there():
    assert all(getattr(napari_diffseg, name) is not None for name in napari_diffseg.__all__)
    assert set(napari_diffseg.__all__) <= set(dir(napari_diffseg))


def test_what_a_person_does_with_it_is_public():
    from napari_diffseg.evaluation.scores import evaluate
    from napari_diffseg.inference.run import segment
    from napari_diffseg.training.run import train

    assert (napari_diffseg.segment, napari_diffseg.train, napari_diffseg.evaluate) == (
        segment,
        train,
        evaluate,
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'segmnet'"):
        _ = napari_diffseg.segmnet


@pytest.mark.skipif(not HUGE_PAGES.exists(), reason="only Linux has them")
@pytest.mark.parametrize(("set_before", "offered_by"), [(None, "[madvise] [always]"), ("0", "[always]")])
def test_large_tensors_on_a_cpu_lie_in_huge_pages_unless_the_person_said_otherwise(set_before, offered_by):
    environment = {name: value for name, value in os.environ.items() if name != HUGE_PAGES_WANTED}
    environment |= {HUGE_PAGES_WANTED: set_before} if set_before else {}
    done = subprocess.run(
        [sys.executable, "-c", ALLOCATED], env=environment, capture_output=True, text=True, check=True
    )
    mode = next(word for word in HUGE_PAGES.read_text().split() if word.startswith("["))
    assert (int(done.stdout) > 0) == (mode in offered_by)
