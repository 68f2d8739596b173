"""Could a model's members and the raters' masks come out of one hat?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64

from napari_diffseg.metrics import pairwise_iou

PERMUTATIONS = 10_000
SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """How far apart (1 − IoU) any two masks of a case lie.

    Args:
        between: masks of members first, then of raters.
        members: how many of them are members.
    """

    between: Float64[np.ndarray, "mask mask"]
    members: int

    @property
    def raters(self) -> int:
        """How many of them are people's."""
        return len(self.between) - self.members

    @property
    def among_raters(self) -> float:
        """Mean over two raters; NaN with fewer."""
        own = self.between[self.members :, self.members :]
        return float(own.sum() / (len(own) * (len(own) - 1))) if len(own) > 1 else math.nan


@dataclass(frozen=True, slots=True)
class Exchangeability:
    """Whether members lie as far from one another as from the raters; means over cases.

    Args:
        among_members: of two members.
        to_raters: of a member and a rater.
        chance: how often they would differ as much if the raters were further members.
        least_chance: the smallest that so few masks could give.
    """

    among_members: float
    to_raters: float
    chance: float
    least_chance: float

    @property
    def difference(self) -> float:
        """Below 0: members are more alike than a member and a rater."""
        return self.among_members - self.to_raters


def distances(members: Bool[np.ndarray, "member ..."], raters: Bool[np.ndarray, "rater ..."]) -> Distances:
    """Between all masks of one structure in one case."""
    masks = np.concatenate([members, raters])
    return Distances(1 - pairwise_iou(masks, masks), len(members))


def exchangeability(cases: Sequence[Distances]) -> Exchangeability | None:
    """A permutation test: in each case masks of members and raters trade places.

    If raters were further members, a member would lie as far from a rater as from another member on
    average, however many there are of either, so few members bias nothing. All ways to trade are tried in a
    single case of up to 10,000, otherwise 10,000 random ones.

    Args:
        cases: those with one member or without a rater tell nothing and are passed over.

    Returns:
        None where no case is left.

    Source:
        Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 3rd edition, 2005, chapter 3.
    """
    cases = [case for case in cases if case.members > 1 and case.raters]
    if not cases:
        return None
    ways = math.prod(math.comb(len(case.between), case.members) for case in cases)
    every = len(cases) == 1 and ways <= PERMUTATIONS
    rng = np.random.default_rng(SEED)
    # the first row of each is as it was drawn
    means = [_means(case, _all_ways(case) if every else _random_ways(case, rng)) for case in cases]
    among, to_others = np.mean(means, axis=0)
    apart = np.abs(among - to_others)
    return Exchangeability(
        among_members=float(among[0]),
        to_raters=float(to_others[0]),
        chance=float(np.mean(apart >= apart[0] - 1e-12)),
        least_chance=1 / min(ways, len(apart)),
    )


def _means(
    case: Distances, chosen: Float64[np.ndarray, "way mask"]
) -> tuple[Float64[np.ndarray, " way"], Float64[np.ndarray, " way"]]:
    """Mean distance of two chosen masks, and of a chosen and another one."""
    n, others = case.members, case.raters
    to_chosen = chosen @ case.between
    among = (to_chosen * chosen).sum(axis=1) / (n * (n - 1))
    return among, (to_chosen * (1 - chosen)).sum(axis=1) / (n * others)


def _all_ways(case: Distances) -> Float64[np.ndarray, "way mask"]:
    ways = np.array(list(combinations(range(len(case.between)), case.members)))
    chosen = np.zeros((len(ways), len(case.between)))
    np.put_along_axis(chosen, ways, 1, axis=1)
    return chosen


def _random_ways(case: Distances, rng: np.random.Generator) -> Float64[np.ndarray, "way mask"]:
    as_drawn = np.repeat([1.0, 0.0], [case.members, case.raters])
    traded = rng.permuted(np.tile(as_drawn, (PERMUTATIONS, 1)), axis=1)
    return np.concatenate([as_drawn[None], traded])
