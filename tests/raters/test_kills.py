"""A rater's process is killed at random moments: what was recorded is there, bit for bit.

DIFFSEG_KILLS sets how often; 50 is what the project promises.
"""

import os
import random
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.read_record import sessions

KILLS = int(os.environ.get("DIFFSEG_KILLS", "12"))
CASE = "hippocampus_148"
READER = Path(__file__).with_name("killed_reader.py")

_spec = spec_from_file_location("killed_reader", READER)
_module = module_from_spec(_spec)
_spec.loader.exec_module(_module)
states = _module.states


def killed(root, seed, *, after_s, largest=2**22, until=0):
    """Kill a reader some time after it said its last line to wait for; the last state it said is safe."""
    command = [sys.executable, str(READER), str(root), str(seed), str(largest), str(until)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        waited = [process.stdout.readline() for _ in range(until or 1)]
        time.sleep(after_s)
        process.kill()
        said = waited + process.stdout.read().splitlines(keepends=True)
    return int([line for line in said if line.endswith("\n")][-1])


@pytest.mark.timeout(60 + 20 * KILLS)
def test_what_was_recorded_before_a_kill_is_there(project):
    rng, seen = random.Random(0), []
    for seed in range(KILLS):
        # a journal of two kilobytes begins again every few strokes, so that kills hit that moment too
        after_s, largest = rng.uniform(0.0, 0.8), rng.choice([2_000, 2**22])
        safe = killed(project.root, seed, after_s=after_s, largest=largest)
        expected = list(islice(states(seed), safe + 2))
        with open_read(project, CASE, "Anna") as read:
            found = read.mask()
            assert read.facts.session == 1
            # the stroke after the last safe one may have reached the disk before the kill
            assert any(np.array_equal(found, state) for state in expected[-2:]), (seed, safe)
            assert {lesion.number for lesion in read.lesions} >= set(np.unique(found).tolist()) - {0, 1}
        seen.append(safe)
    assert max(seen) > 20
    assert sessions(project, CASE, "Anna")[0].status == "open"


@pytest.mark.timeout(60 + 10 * KILLS)
def test_a_kill_while_finishing_leaves_the_read_open_or_finished(project):
    rng, finished = random.Random(1), 0
    for seed in range(KILLS // 2):
        safe = killed(project.root, seed, after_s=rng.uniform(0.0, 0.06), until=5)
        expected = list(islice(states(seed), safe + 1))[-1]
        with open_read(project, CASE, "Anna") as read:
            reads = reads_of(project, CASE, by="Anna")
            assert read.facts.session == len(reads) + 1
            now_finished = len(reads) > finished
            found = reads[-1].class_mask().data if now_finished else read.mask()
            assert np.array_equal(found > 0, expected > 0)
            assert not now_finished or np.array_equal(reads[-1].mask().data, expected)
            finished = len(reads)
