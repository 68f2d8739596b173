"""STAPLE and voting of SimpleITK."""

import re
from collections.abc import Iterator

import numpy as np
import torch
from oracle import Comparison, Oracle, compare, exact

from napari_diffseg.fusion import majority, staple_labels, staple_mask

NEAR = {"atol": 1e-6}
WORDS = {"half": 0.5, "two": 2.0, "three": 3.0}


def staple(oracle: Oracle) -> Iterator[Comparison]:
    """One structure, several labels, and the plain vote, with every option that the names tell."""
    for name in sorted({name.split("/")[0] for name in oracle.tensors if "/" in name}):
        if f"{name}/prob" in oracle:
            yield from _of_mask(oracle, name)
        elif f"{name}/confusion" in oracle:
            yield from _of_labels(oracle, name)
        else:
            yield from _vote(oracle, name)


def _of_mask(oracle, name):
    official = {field: oracle[f"{name}/{field}"] for field in ("prob", "sensitivity", "specificity")}
    members = _members(oracle, name, "masks", len(official["sensitivity"]))
    weight = re.search(r"confidence_([a-z]+|[\d.]+)", name)
    ours = staple_mask(
        members,
        label=_number(name, "foreground", 1),
        prior_weight=1.0 if weight is None else WORDS.get(weight[1]) or float(weight[1]),
        rounds=_number(name, "max", None),
    )
    if official["prob"].isnan().all():  # nobody disputes anything: undefined there, as it stands here
        stands = torch.from_numpy((members[0] != 0).astype(float))
        yield exact(f"{name}, undisputed", torch.from_numpy(ours.probability), stands)
        return
    found = dict(zip(official, (ours.probability, ours.sensitivity, ours.specificity), strict=True))
    for field, value in found.items():
        yield compare(f"{name}/{field}", torch.from_numpy(value), official[field], **NEAR)
    yield compare(f"{name}/iterations", torch.tensor([ours.rounds]), oracle[f"{name}/iterations"], atol=1)


def _of_labels(oracle, name):
    official = oracle[f"{name}/confusion"]
    members = _members(oracle, name, "multilabel/masks", len(official))
    count = int(members.max()) + 1
    undecided = _number(name, "undecided", count)
    ours = staple_labels(members, undecided=undecided, rounds=_number(name, "max", None))
    yield exact(f"{name}/labels", torch.from_numpy(ours.labels), oracle[f"{name}/labels"])
    given = official.reshape(len(official), count + 1, count)[:, :count]  # the last row is spare
    yield compare(f"{name}/confusion", torch.from_numpy(ours.confusion), given, **NEAR)


def _vote(oracle, name):
    """Ours settles ties for the lowest label, where SimpleITK leaves them undecided."""
    members = _members(oracle, name, "multilabel/masks", 2 if "even" in name else None)
    count = int(members.max()) + 1
    votes = np.stack([(members == label).sum(axis=0) for label in range(count)])
    tied = torch.from_numpy((votes == votes.max(axis=0)).sum(axis=0) > 1)
    official = oracle[f"{name}/labels"]
    yield exact(f"{name}, ties", tied, official == _number(name, "undecided", count))
    ours = torch.from_numpy(majority(members, count - 1))
    yield exact(f"{name}/labels", ours[~tied], official[~tied])


def _members(oracle, name, common, count) -> np.ndarray:
    own = f"{name}/masks"
    return oracle[own if own in oracle else common].numpy()[:count]


def _number(name: str, word: str, otherwise: int | None) -> int | None:
    found = re.search(rf"{word}(\d+)", name)
    return int(found[1]) if found else otherwise


CASES = {"staple_simpleitk": staple}
