"""Whether a map of influence is true: cells are removed and put back in its order and by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicedge.occlusion import Bool, Occluder
from musicedge.readings import Float64

_ORDERS = 8  # random ones
_STEPS = 10
_SEED = 2

CURVE_RUNS = (_ORDERS + 2) * (_STEPS - 1) + 2
"""Windows that `curves` runs."""


@dataclass(frozen=True)
class Curves:
    """A value of the network while more and more cells are covered.

    A curve's mean is the area below it: the lower the sooner the value falls.

    Attributes
    ----------
    covered : np.ndarray [shape=(n,)]
        The share of the cells, from 0 to 1.
    deletion
        The value when what the map names first is covered first, [shape=(n,)].
    insertion
        When what it names first is covered last: read backwards, cells are put back, [shape=(n,)].
    random
        When cells are covered in a random order, [shape=(orders, n)].

    References
    ----------
    Petsiuk, Das and Saenko, "RISE: Randomized input sampling for explanation of black-box models",
    BMVC 2018.
    """

    covered: Float64
    deletion: Float64
    insertion: Float64
    random: Float64

    @property
    def deletion_mean(self) -> float:
        """The mean of the deletion curve."""
        return float(_mean(self.deletion))

    @property
    def insertion_mean(self) -> float:
        """The mean of the insertion curve."""
        return float(_mean(self.insertion))

    @property
    def random_means(self) -> Float64:
        """The mean of each random curve, np.ndarray [shape=(orders,)]."""
        return _mean(self.random)

    @property
    def holds(self) -> bool:
        """Whether the map beats the mean of the random orders, removing and putting back."""
        chance = float(self.random_means.mean())
        return self.deletion_mean < chance < self.insertion_mean


def curves(
    occluder: Occluder,
    influence: Float64,
    target: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Curves:
    """Check a map on the window that it was made of.

    Parameters
    ----------
    occluder
        The window.
    influence : np.ndarray [shape=(moments, bands)]
        The map.
    target
        Which of the network's values it is of, by its place in `musicedge.readings.target_names`.
    progress
        As for `Occluder.values`.
    """
    rng = np.random.default_rng(_SEED)
    by_map = np.argsort(-influence, axis=None, kind="stable")
    orders = [by_map, by_map[::-1], *(rng.permutation(by_map.size) for _ in range(_ORDERS))]
    covered = np.linspace(0, 1, _STEPS + 1)
    # Nothing and all are covered alike in every order.
    shown = [_shown(by_map, share, influence.shape) for share in (0, 1)]
    shown += [_shown(order, share, influence.shape) for order in orders for share in covered[1:-1]]
    values = occluder.values(shown, progress=progress)[:, target]
    inner = values[2:].reshape(len(orders), _STEPS - 1)
    first, last = (np.full((len(orders), 1), value) for value in values[:2])
    every = np.concatenate([first, inner, last], axis=1)
    return Curves(covered, every[0], every[1], every[2:])


def _shown(order: NDArray[np.intp], share: float, shape: tuple[int, ...]) -> Bool:
    cells = np.ones(order.size, bool)
    cells[order[: round(share * order.size)]] = False
    return cells.reshape(shape)


def _mean(values: Float64) -> Float64:
    """Return the area under curves of equal steps, [shape=(..., n)], by the trapezoidal rule."""
    return np.asarray((values[..., 1:] + values[..., :-1]).mean(axis=-1) / 2)
