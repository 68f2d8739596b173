"""What can go wrong, as a person should hear it.

Every message says what was wrong with which file or setting, the value seen and the value
expected, and what to do now.

    DiffSegError
    ├── ScanError             a file or layer that cannot be used as a scan
    ├── GridMismatchError     two volumes that should share a grid do not
    ├── CheckpointError       a checkpoint that is unreadable, newer, or inconsistent
    ├── PreparationError      a scan or region that a checkpoint cannot take
    ├── SettingsError         a setting outside its range
    ├── ResultError           a result folder that cannot be read or written
    ├── OutOfMemoryError      more memory needed than is free
    ├── CancelledError        cancelled before the first member was finished
    ├── DatasetError          a folder of cases that cannot be trained on
    ├── TrainingError         a training run that cannot go on
    └── RaterProjectError     a rater project, or a read in it, that cannot be used

None derives from RuntimeError: superqt's workers take one of those for "object deleted" and fall
silent, so the person would never hear of it.
"""


class DiffSegError(Exception):
    """Anything this package refuses, in one sentence with what to do about it."""


class ScanError(DiffSegError):
    """A file or a layer cannot be used as a scan."""


class GridMismatchError(DiffSegError):
    """Two volumes that must share a grid differ in shape or affine."""


class CheckpointError(DiffSegError):
    """A checkpoint is unreadable, of a newer format, or its tensors do not match its config."""


class PreparationError(DiffSegError):
    """A scan or region does not fit what a checkpoint asks for."""


class SettingsError(DiffSegError):
    """A setting lies outside its range or contradicts another."""


class ResultError(DiffSegError):
    """A result folder cannot be written or read."""


class OutOfMemoryError(DiffSegError):
    """A run needs more memory than is free.

    Args:
        needed_gib: peak memory of the run as planned.
        free_gib: memory that is free on the device.
        advice: what would fit.
    """

    def __init__(self, needed_gib: float, free_gib: float, advice: str) -> None:
        self.needed_gib, self.free_gib = needed_gib, free_gib
        super().__init__(
            f"This run needs about {needed_gib:.1f} GiB of memory and {free_gib:.1f} GiB is free. {advice}"
        )


class CancelledError(DiffSegError):
    """A run was cancelled before its first member was finished."""


class DatasetError(DiffSegError):
    """A folder of cases cannot be trained on."""


class TrainingError(DiffSegError):
    """A training run cannot start or go on."""


class RaterProjectError(DiffSegError):
    """A rater project, a read in it, or what is brought into it cannot be used as it is."""
