"""A rater in a process of its own, who paints at random until killed, or finishes, and says what is safe.

Run with a project's folder, a seed, the bytes that the journal may grow to, and how many states to draw
before finishing (0: without end). Each line of output is the number of a state that was recorded; `states`
gives the same states to whoever holds the process to it.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

SHAPE = (32, 48, 34)


def states(seed: int) -> Iterator[np.ndarray]:
    """Masks after strokes, fills, undo and redo, without end. The first is empty."""
    rng = np.random.default_rng(seed)
    history, at = [np.zeros(SHAPE, np.uint8)], 0
    while True:
        yield history[at]
        what = rng.random()
        if what < 0.15 and at > 0:
            at -= 1
        elif what < 0.25 and at + 1 < len(history):
            at += 1
        else:
            state = history[at].copy()
            size = rng.integers(1, SHAPE if what > 0.95 else 12, 3)
            d, h, w = (slice(int(a), int(a + n)) for a, n in zip(rng.integers(0, SHAPE), size, strict=True))
            state[d, h, w] = rng.integers(0, 5)
            history, at = [*history[: at + 1], state], at + 1


def main(root: str, seed: int, largest: int, until: int) -> None:
    from napari_diffseg.raters import journal
    from napari_diffseg.raters.opening import open_read
    from napari_diffseg.raters.project import open_project

    journal._LARGEST = largest
    project = open_project(Path(root))
    read = open_read(project, project.document.cases[0].name, "Anna")
    data = read.mask()
    for number, state in enumerate(islice(states(seed), until or None)):
        data[:] = state
        read.record(data)
        read.beat(0.01)
        print(number, flush=True)  # noqa: T201
    read.finish(data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
