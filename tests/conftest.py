"""Settings of a test run: nothing of the person's own is read or written."""

import os
import tempfile
from pathlib import Path

# Before napari is imported: it writes its settings file at every change, and to the real one otherwise.
if "NAPARI_CONFIG" not in os.environ:
    _settings = tempfile.TemporaryDirectory(prefix="napari-diffseg-tests-")  # removed when Python exits
    os.environ["NAPARI_CONFIG"] = str(Path(_settings.name) / "settings.yaml")
