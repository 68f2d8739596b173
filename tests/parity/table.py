"""Every oracle of a folder against our numbers, a row each.

python tests/parity/table.py FOLDER

Exit code 1 when a number differs by more than its oracle's tolerance. An oracle without a case is listed
as not covered.
"""

import importlib.util
import os
import sys
import time
from pathlib import Path

# Before torch calls MKL, whose exp differs by a unit in the last place from one kind of processor to the
# next: times a t near 1000 that is more than an embedding's tolerance. This path is the same on all.
os.environ.setdefault("MKL_CBWR", "COMPATIBLE")

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from oracle import Case, Oracle  # noqa: E402


def cases() -> dict[str, Case]:
    """All cases by the name of their oracle."""
    found: dict[str, Case] = {}
    for path in sorted((HERE / "cases").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"parity_cases_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= module.CASES
    return found


def oracles(folder: Path) -> list[Oracle]:
    """A folder's oracles, a JSON file each."""
    return [Oracle(folder, path.stem) for path in sorted(folder.glob("*.json"))]


def main() -> int:
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    known, differing, uncovered, met = cases(), [], [], 0
    print(f"{'oracle':36} {'quantities':>10} {'largest difference':>19} {'tolerance there':>16}     s")
    for oracle in oracles(folder):
        if oracle.name not in known:
            uncovered.append(oracle.stem)
            print(f"{oracle.stem:36} not covered")
            continue
        began = time.perf_counter()
        try:
            found = list(known[oracle.name](oracle))
        except Exception as error:
            differing.append(oracle.stem)
            print(f"{oracle.stem:36} failed: {type(error).__name__}: {error}")
            continue
        took = time.perf_counter() - began
        if not found:
            differing.append(oracle.stem)
            print(f"{oracle.stem:36} failed: the case compared nothing")
            continue
        worst = max(found, key=lambda one: one.difference / max(one.allowed, 1e-300))
        row = f"{oracle.stem:36} {len(found):10} {worst.difference:19.2e} {worst.allowed:16.2e} {took:5.1f}"
        print(row if worst.holds else f"{row}  DIFFERS: {worst.what}")
        if worst.holds:
            met += 1
        else:
            differing.append(oracle.stem)
    print(f"{met} met, {len(differing)} differ, {len(uncovered)} not covered.")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
