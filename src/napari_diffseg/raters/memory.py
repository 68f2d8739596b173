"""What this computer remembers of rater projects: who the person is, and which folders they trust."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_diffseg.io.atomic import replacing
from napari_diffseg.raters.project import Project

_FILE = "rater_projects.json"
_MOST = 50


class Remembered(BaseModel):
    """One project.

    Attributes:
        title: of the project.
        rater: who the person is in it; empty where they have not said.
        trusted: folders outside it from which they let images be read.
        used: seconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = ""
    rater: str = ""
    trusted: tuple[str, ...] = ()
    used: float = 0.0


class _Memory(BaseModel):
    projects: dict[str, Remembered] = Field(default_factory=dict)


def recent_projects() -> dict[Path, Remembered]:
    """Projects that are still there, the newest first."""
    known = sorted(_read().projects.items(), key=lambda item: -item[1].used)
    return {Path(root): told for root, told in known if Path(root).is_dir()}


def remembered(root: Path) -> Remembered:
    """What is known of a project; nothing is no error."""
    return _read().projects.get(str(root), Remembered())


def trusting(project: Project) -> Project:
    """The project, reading images from the folders too that the person confirmed before."""
    known = map(Path, remembered(project.root).trusted)
    return dataclasses.replace(project, trusted=tuple(dict.fromkeys((*project.trusted, *known))))


def keep_trust(project: Project) -> None:
    """Remember the folders that the person lets a project's images be read from."""
    remember(project.root, title=project.document.title, trusted=tuple(map(str, project.trusted)))


def remember(root: Path, **changed: object) -> None:
    """Remember more of a project, which is the newest now. Where that cannot be written it is asked again."""
    memory = _read()
    told = Remembered.model_validate({**remembered(root).model_dump(), **changed, "used": time.time()})
    newest = sorted({**memory.projects, str(root): told}.items(), key=lambda item: -item[1].used)[:_MOST]
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_text(_Memory(projects=dict(newest)).model_dump_json(indent=1), encoding="utf-8")
    except OSError:
        return


def _read() -> _Memory:
    try:
        return _Memory.model_validate_json(_path().read_bytes())
    except (OSError, ValidationError):  # there is none yet, or somebody damaged it
        return _Memory()


def _path() -> Path:
    return Path(platformdirs.user_data_dir("napari-diffseg", appauthor=False)) / _FILE
