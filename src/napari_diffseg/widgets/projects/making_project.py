"""A new rater project is made, in a thread: there as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.naming import slug
from napari_diffseg.raters.new_folder import made_in_place
from napari_diffseg.raters.project import Project, create_project
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.rating_form import RatingForm
from napari_diffseg.results.classes import named
from napari_diffseg.widgets.projects.adding_cases import Added, Adding, add_cases
from napari_diffseg.widgets.projects.case_draft import CaseDraft


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person asked for.

    Args:
        folder: to make the project's own in.
        title: of the project.
        cases: with their files.
        classes: names.
        raters: names.
        form: kinds of lesions and questions.
        protocol: how raters work.
        copy: whether NIfTI files are copied; otherwise they stay where they are.
    """

    folder: Path
    title: str
    cases: tuple[CaseDraft, ...]
    classes: tuple[str, ...]
    raters: tuple[str, ...]
    form: RatingForm
    protocol: Protocol
    copy: bool

    @property
    def root(self) -> Path:
        """The project's own folder."""
        return self.folder / slug(self.title, "project")


def make_project(plan: Plan, given_up: Flag) -> Iterator[Adding | Project]:
    """Make the project.

    Yields:
        Which case is about to be added; at the end the project, which trusts the folders of images that stay
        where they are.

    Raises:
        RaterProjectError: something in the plan is impossible, cannot be written, or it was given up; nothing
            stays then.
        ScanError: a file cannot be read as a scan.
        GridMismatchError: the files of a case do not lie on one grid.
    """
    if not plan.cases:
        raise RaterProjectError("No scan is chosen. Add at least one.")
    with made_in_place(plan.root) as partial:
        project = create_project(
            partial,
            title=plan.title,
            labels=named(plan.classes),
            raters=plan.raters,
            protocol=plan.protocol,
            form=plan.form,
        )
        for told in add_cases(project, plan.cases, copy=plan.copy, given_up=given_up):
            if isinstance(told, Added):
                project = told.project
            else:
                yield told
        if given_up.is_set():
            raise RaterProjectError("Making the project was stopped; nothing of it stays.")
    yield replace(project, root=plan.root.resolve())
