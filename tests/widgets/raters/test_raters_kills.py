"""napari is killed at random moments of painting: what was done two seconds before is there.

DIFFSEG_VIEWER_KILLS sets how often; 50 is what the project promises.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.read_record import sessions

KILLS = int(os.environ.get("DIFFSEG_VIEWER_KILLS", "5"))
FIRST = "hippocampus_148"
SHAPE = (32, 48, 34)
PAINTER = Path(__file__).with_name("killed_viewer.py")
LATE_S = 2.0


def killed(project, seed, folder, rng):
    """Kill a painter after a few seconds: when that was, what it had done, and the masks on the way."""
    folder.mkdir()
    with (folder / "said.txt").open("wb") as said:
        command = [sys.executable, str(PAINTER), str(project.root), str(seed), str(folder)]
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            times = folder / "times.txt"
            deadline = time.monotonic() + 120
            while not (times.exists() and times.read_text().count("\n") > 3):
                assert process.poll() is None, (folder / "said.txt").read_text()[-2000:]
                assert time.monotonic() < deadline, (folder / "said.txt").read_text()[-2000:]
                time.sleep(0.01)
            time.sleep(rng.uniform(0.3, 8.0))
            assert process.poll() is None, (folder / "said.txt").read_text()[-2000:]
        finally:
            process.kill()
            at = time.time()
            process.wait()
    lines = [line.split() for line in times.read_text().splitlines(keepends=True) if line.endswith("\n")]
    stored = np.fromfile(folder / "states.bin", dtype=np.uint8)
    states = stored[: stored.size // np.prod(SHAPE) * np.prod(SHAPE)].reshape(-1, *SHAPE)
    return at, [(float(moment), int(written) - 1, what) for moment, written, what in lines], states


@pytest.mark.timeout(120 + 60 * KILLS)
def test_what_was_done_two_seconds_before_a_kill_is_there(project, tmp_path):
    rng, done = random.Random(0), []
    for seed in range(KILLS):
        at, said, states = killed(project, seed, tmp_path / f"painter-{seed}", rng)
        safe = max([0, *(number for moment, number, _ in said if moment <= at - LATE_S)])
        with open_read(project, FIRST, "Anna") as read:
            assert read.facts.session == 1
            found = read.mask()
            known = {lesion.number for lesion in read.lesions}
        # what came later may be there as a whole, in part, or not at all
        possible = np.zeros(SHAPE, dtype=np.bool_)
        for state in states[safe:]:
            possible |= state == found
        missing = np.argwhere(~possible)
        assert not len(missing), (seed, missing[:5], said[-20:])
        assert set(np.unique(found).tolist()) - {0, 1} <= known
        same = [number for number in range(safe, len(states)) if np.array_equal(states[number], found)]
        lost = [moment for moment, number, _ in said if same and number > same[-1]]
        done.append((len(said), {what for *_, what in said}))
        behind = f"{at - lost[0]:.2f} s" if lost else "nothing" if same else "a part of a stroke"
        print(f"kill {seed}: {len(said)} actions, {len(lost)} of the last not there: {behind}")  # noqa: T201
    assert max(actions for actions, _ in done) > 20
    assert {"undo", "redo", "mouse", "drag"} <= set().union(*(words for _, words in done))
    assert sessions(project, FIRST, "Anna")[0].status == "open"
