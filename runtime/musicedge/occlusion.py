"""What a network goes by in a window: parts of it are covered, and the outputs compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend import Float32
from musicedge.readings import Float64, target_values
from musicedge.windows import fill_window

if TYPE_CHECKING:
    from musicedge.model import Model

Bool = NDArray[np.bool_]

MOMENTS, BANDS = 20, 16  # cells along the time and the frequency axis
MASKS = 640

_QUIET = 5  # percentile: what a covered band keeps of its level
_PENALTY = 0.3  # of the ridge regression, in variances of a cell's column
_SEED = 1
_AT_ONCE = 32  # windows that are held
_LEAST_ODDS = 1e-6


@dataclass(frozen=True)
class Grid:
    """Cells of a window: frames and mel bands in groups of (nearly) the same size.

    Attributes
    ----------
    frames, bands : np.ndarray [shape=(moments + 1,) and (bands + 1,)]
        The borders of the groups.
    """

    frames: NDArray[np.intp]
    bands: NDArray[np.intp]

    @classmethod
    def over(cls, n_frames: int, n_mels: int) -> Grid:
        """Return the grid of a window; a short or coarse one has fewer cells."""
        return cls(_borders(n_frames, MOMENTS), _borders(n_mels, BANDS))

    @property
    def shape(self) -> tuple[int, int]:
        """Moments and bands."""
        return len(self.frames) - 1, len(self.bands) - 1

    def spread(self, cells: Bool) -> Bool:
        """Return cells, np.ndarray [shape=(moments, bands)], as values of every frame and band."""
        rows = np.repeat(cells, np.diff(self.frames), axis=0)
        spread: Bool = np.repeat(rows, np.diff(self.bands), axis=1)
        return spread


class Occluder:
    """Shows a network one window with parts of it covered.

    What is covered gets the level that its band has in the quietest twentieth of the window, which
    is less of a novelty for the network than digital silence would be.

    Parameters
    ----------
    model
        The model.
    frames : np.ndarray [shape=(t, n_mels)]
        The log-mel of the window; of a clip shorter than that, what there is of it. Its repetitions
        are covered with it.

    Attributes
    ----------
    frames, grid
        Those, and their cells.
    cover : np.ndarray [shape=(n_mels,)]
        What stands in the place of a frame that is covered.
    """

    def __init__(self, model: Model, frames: Float32) -> None:
        self._model = model
        self.frames = frames
        self.cover = np.percentile(frames, _QUIET, axis=0).astype(np.float32)
        self.grid = Grid.over(*frames.shape)

    def values(
        self, shown: Sequence[Bool], *, progress: Callable[[int], None] | None = None
    ) -> Float64:
        """Return what the network says where only some cells are shown.

        Parameters
        ----------
        shown
            Which cells, each np.ndarray [shape=(moments, bands), dtype=bool].
        progress
            Called with the number of windows that were run, now and then.

        Returns
        -------
        np.ndarray [shape=(n, k)]
            A column for each of `musicedge.readings.target_names`.
        """
        card = self._model.card
        parts = []
        for start in range(0, len(shown), _AT_ONCE):
            cells = shown[start : start + _AT_ONCE]
            windows = [fill_window(self._covered(each), card.window_frames) for each in cells]
            parts.append(target_values(card, self._model.session.run(windows)))
            if progress is not None:
                progress(len(cells))
        return np.concatenate(parts)

    def _covered(self, shown: Bool) -> Float32:
        return np.where(self.grid.spread(shown), self.frames, self.cover)


def influence_maps(
    occluder: Occluder, *, masks: int = MASKS, progress: Callable[[int], None] | None = None
) -> Float64:
    """Return how much each cell of a window raises each of the network's values.

    The window is run with a random half of its cells covered, many times over; a ridge regression
    of the values' log-odds on what was shown then gives each cell its share. Covering one cell at a
    time misses what the network can read in several places.

    Parameters
    ----------
    occluder
        The window.
    masks
        Times that it is run.
    progress
        As for `Occluder.values`.

    Returns
    -------
    np.ndarray [shape=(k, moments, bands)]
        In log-odds; below 0 where a cell speaks against the value.

    References
    ----------
    Petsiuk, Das and Saenko, "RISE: Randomized input sampling for explanation of black-box models",
    BMVC 2018, for the masks; Ribeiro, Singh and Guestrin, "Why should I trust you?", KDD 2016, for
    the regression.
    """
    shape = occluder.grid.shape
    shown = list(np.random.default_rng(_SEED).random((masks, *shape)) < 0.5)
    values = np.clip(occluder.values(shown, progress=progress), _LEAST_ODDS, 1 - _LEAST_ODDS)
    odds = np.log(values / (1 - values))
    design = np.reshape(shown, (masks, -1)).astype(np.float64)
    design -= design.mean(axis=0)
    # In the dual form, since there may be more cells than masks. A column's variance is a quarter.
    gram = design @ design.T + _PENALTY * masks / 4 * np.eye(masks)
    weights = design.T @ np.linalg.solve(gram, odds - odds.mean(axis=0))
    return np.asarray(weights.T.reshape(-1, *shape))


def _borders(size: int, groups: int) -> NDArray[np.intp]:
    borders: NDArray[np.intp] = np.linspace(0, size, min(groups, size) + 1).round().astype(np.intp)
    return borders
