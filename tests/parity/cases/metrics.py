"""Metrics of two masks (ImgX-DiffSeg) and of two sets of masks (AmbDiffSeg)."""

import re
from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement

import numpy as np
import torch
from oracle import Comparison, Oracle, compare, exact
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist
from torch import Tensor

from napari_diffseg.fusion import relative_area
from napari_diffseg.metrics import (
    centroid_distance_mm,
    dice,
    energy_distance,
    hd95_mm,
    iou,
    normalised_surface_distance,
    pairwise_iou,
)

NEAR = {"rtol": 1e-5, "atol": 1e-5}
SAME = {"rtol": 1e-9, "atol": 1e-9}
SMALLEST = 0.5
ONE = torch.ones(1, dtype=torch.float64)


def imgx_metrics(oracle: Oracle) -> Iterator[Comparison]:
    """Every metric of every case and class, and the means over classes that are reported."""
    for data in sorted({name.split(".")[0] for name in oracle.tensors}):
        found = _of_pairs(oracle, data)
        for name, ours in found.items():
            if f"{data}.{name}" in oracle:
                yield compare(f"{data}.{name}", ours, oracle[f"{data}.{name}"], **NEAR)
        both_empty = oracle[f"{data}.dice"].isnan()
        for name in ("dice", "iou"):  # there the official code is undefined, and ours is 1
            yield exact(
                f"{data}.{name} of two empty masks", found[f"{name} with empty"][both_empty].unique(), ONE
            )
        for name in oracle.tensors:
            if name.startswith(f"{data}.report."):
                ours = _reported(found, name.removeprefix(f"{data}.report."))
                yield compare(name, ours, oracle[name], **NEAR)


def _of_pairs(oracle: Oracle, data: str) -> dict[str, Tensor]:
    """By official name, a number a case and class; NaN where the official code is undefined."""
    predicted, true = oracle[f"{data}.pred"].numpy(), oracle[f"{data}.true"].numpy()
    classes = range(oracle[f"{data}.dice"].shape[1])
    spacing = oracle[f"{data}.spacing"].tolist()
    voxel = [1.0] * len(spacing)

    def matrix(measure) -> Tensor:
        pairs = zip(predicted, true, strict=True)
        return torch.tensor(
            [[measure(p == label, t == label) for label in classes] for p, t in pairs]
        ).double()

    either = matrix(lambda p, t: bool(p.any() or t.any())).bool()
    whole = {"dice with empty": matrix(dice), "iou with empty": matrix(iou)}
    found = {
        **whole,
        **{name.split()[0]: torch.where(either, value, torch.nan) for name, value in whole.items()},
        "centroid_distance": matrix(lambda p, t: centroid_distance_mm(p, t, spacing)),
        "centroid_distance_voxels": matrix(lambda p, t: centroid_distance_mm(p, t, voxel)),
        "hd95": matrix(lambda p, t: hd95_mm(p, t, spacing)),
        "hd95_voxels": matrix(lambda p, t: hd95_mm(p, t, voxel)),
        "hd": matrix(lambda p, t: _surface_distance(p, t, spacing, np.max)),
        "mean_surface_distance": matrix(lambda p, t: _surface_distance(p, t, spacing, np.mean)),
        "proportion_pred": matrix(lambda p, t: p.mean()),
    }
    for name in oracle.tensors:
        if tolerance := re.fullmatch(rf"{data}\.(nsd_([\d.]+)mm)", name):
            within = {"spacing_mm": spacing, "tolerance_mm": float(tolerance[2])}
            found[tolerance[1]] = matrix(lambda p, t, w=within: normalised_surface_distance(p, t, **w))
    return found


def _surface_distance(predicted, true, spacing, reduce):
    """Hausdorff and mean surface distance, which we do not report: the larger of the two directions."""
    if not (predicted.any() and true.any()):
        return np.nan
    surfaces = [np.argwhere(mask & ~binary_erosion(mask)) * spacing for mask in (predicted, true)]
    apart = cdist(*surfaces)
    return max(reduce(apart.min(axis=1)), reduce(apart.min(axis=0)))


def _reported(found: dict[str, Tensor], name: str) -> Tensor:
    if of_class := re.fullmatch(r"mean_surface_dist_class_(\d+)", name):
        return found["mean_surface_distance"][:, int(of_class[1])]
    whole = {
        "mean_binary_dice_score": "dice",
        "mean_iou": "iou",
        "mean_centroid_dist": "centroid_distance",
        "mean_mean_surface_dist": "mean_surface_distance",
        "mean_hausdorff_dist": "hd95",
        "mean_surface_dice": "nsd_1mm",
    }
    foreground = name.endswith("_without_background")
    values = found[whole[name.removesuffix("_without_background")]]
    return values[:, int(foreground) :].nanmean(dim=1)


def ambdiffseg_metrics(oracle: Oracle) -> Iterator[Comparison]:
    """Every metric of every set, as drawn and after small members were emptied."""
    for number, count in enumerate(oracle["n_pred"].tolist()):
        drawn = _masks(oracle, "pred", number)[:count]
        raters = _masks(oracle, "gt", number)
        kept = _officially_kept(drawn)
        emptied = drawn & kept[:, None, None]
        yield exact(
            f"{number}: emptied", _tensor(emptied), _tensor(_masks(oracle, "postprocessed", number)[:count])
        )
        yield _kept_by_us(f"{number}: members kept", drawn, kept)
        for prefix, members in (("raw", drawn), ("pp", emptied)):
            for name, ours in _of_sets(members, raters).items():
                tolerance = {"atol": 1e-6} if name == "ncc" else SAME
                yield compare(
                    f"{number}: {prefix}.{name}",
                    _tensor(ours),
                    oracle[f"{prefix}.{name}"][number],
                    **tolerance,
                )
        yield from _matrices(oracle, number, drawn, raters)


def _masks(oracle: Oracle, name: str, number: int) -> np.ndarray:
    return oracle[name][number].movedim(-1, 0).bool().numpy()


def _tensor(values) -> Tensor:
    return torch.as_tensor(np.asarray(values))


def _officially_kept(members: np.ndarray) -> np.ndarray:
    """Strictly more than the smallest share, where the paper keeps that share too."""
    voxels = members.sum(axis=(1, 2))
    return voxels > SMALLEST * voxels.max()


def _kept_by_us(what, members, kept) -> Comparison:
    """Ours follow the paper and keep a member of exactly the smallest share; so all, if all are empty."""
    voxels = members.sum(axis=(1, 2))
    ours = relative_area(members[:, None].astype(np.uint8), SMALLEST)
    return exact(what, _tensor(ours & (voxels != SMALLEST * voxels.max())), _tensor(kept))


def _of_sets(members: np.ndarray, raters: np.ndarray) -> dict[str, float]:
    """By official name. Only GED, IoU and Dice are ours; the rest is met here."""
    dices = _dices(members, raters)
    union, true = members.any(axis=0), raters.any(axis=0)
    # named combined sensitivity, but the two sides are exchanged: the share of the union that is true
    sensitivity = (union & true).sum() / union.sum() if union.any() else 1.0
    best = dices.max(axis=0).mean()
    diversity = 1 - abs(_largest_variance(members) - _largest_variance(raters)) / 2
    parts = (sensitivity, best, diversity)
    return {
        "S_c": sensitivity,
        "D_max": best,
        "D_a": diversity,
        "CI": 3 * np.prod(parts) / sum(parts),
        "GED": energy_distance(members, raters).published,
        "iou": pairwise_iou(members, raters).mean(),
        "dice": dices.mean(),
        "ncc": _correlation_of_maps(members, raters),
    }


def _dices(members, raters):
    return np.array([[dice(member, rater) for rater in raters] for member in members])


def _largest_variance(masks: np.ndarray) -> float:
    """Of the difference of two masks of a set; the smallest is 0, as a mask is paired with itself too."""
    return max((np.var(a.astype(float) - b) for a, b in combinations(masks, 2)), default=0.0)


def _correlation_of_maps(members: np.ndarray, raters: np.ndarray) -> float:
    """Mean correlation of the map of cross-entropy with the members' mean and that with each rater."""
    samples = members.astype(float)
    own = _cross_entropy(samples, samples.mean(axis=0))
    return np.mean([_correlation(own, _cross_entropy(samples, rater.astype(float))) for rater in raters])


def _cross_entropy(samples, target):
    of_true, of_false = np.log(samples + 1e-8), np.log(1 - samples + 1e-8)
    return -(target * of_true + (1 - target) * of_false).mean(axis=0)


def _correlation(a, b):
    if np.ptp(a) < 1e-12 or np.ptp(b) < 1e-12:
        return 0.0
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def _matrices(oracle, number, members, raters):
    missing = ((0, 0), (0, oracle["iou_matrix"].shape[2] - len(members)))
    for name, ours in (
        ("iou_matrix", pairwise_iou(raters, members)),
        ("dice_matrix", _dices(raters, members)),
    ):
        padded = _tensor(np.pad(ours, missing, constant_values=np.nan))
        yield compare(f"{number}: {name}", padded, oracle[name][number], **SAME)
    within = [_mean_with_self_once(side) for side in (members, raters)]
    skipped = _tensor(2 * (1 - pairwise_iou(members, raters)).mean() - sum(within))
    yield compare(f"{number}: ged_skip_same", skipped, oracle["ged_skip_same"][number], **SAME)


def _mean_with_self_once(masks):
    """An option nobody uses: unordered pairs, a mask with itself among them."""
    return np.mean([1 - iou(a, b) for a, b in combinations_with_replacement(masks, 2)])


CASES = {"imgx_metrics": imgx_metrics, "ambdiffseg_metrics": ambdiffseg_metrics}
