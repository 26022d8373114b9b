"""Maps of influence: true where the truth is a formula, and checked by covering what they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tests.runtime import tiny_model

from musicedge.faithfulness import CURVE_RUNS, Curves, curves
from musicedge.model import Model, load
from musicedge.occlusion import MASKS, Grid, Occluder, influence_maps
from musicedge.readings import target_names, target_values

NAMES = (*tiny_model.GENRES, "valence", "arousal", "danceability", "music")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(tiny_model.write(tmp_path_factory.mktemp("model")), device="cpu", threads=1)


@pytest.fixture(scope="module")
def frames(model: Model) -> np.ndarray:
    """A window whose bands swell and fade, each in its own way."""
    rng = np.random.default_rng(4)
    gains = np.repeat(rng.uniform(0.01, 1, 20), 800)
    samples = tiny_model.noise(1.0, 0.3) * gains
    return model.front_end.logmel(samples)[:100]


def truth(model: Model, occluder: Occluder, frames: np.ndarray) -> np.ndarray:
    """What each cell adds to valence's log-odds: the network is a mean and one linear layer."""
    graph = onnx.load_from_string(tiny_model.build()).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    cover = np.percentile(frames, 5, axis=0)
    added = (frames - cover) * weights["valence.weight"][:, 0] / len(frames)
    grid = occluder.grid
    rows = np.add.reduceat(added, grid.frames[:-1], axis=0)
    return np.add.reduceat(rows, grid.bands[:-1], axis=1)


def test_targets_are_the_genres_and_the_other_heads(model: Model, frames: np.ndarray) -> None:
    assert target_names(model.card) == NAMES
    values = target_values(model.card, model.session.run([frames, frames]))
    assert values.shape == (2, len(NAMES))
    np.testing.assert_allclose(values[:, : len(tiny_model.GENRES)].sum(axis=1), 1)


def test_a_window_that_is_shown_whole_has_the_values_of_its_analysis(
    model: Model, frames: np.ndarray
) -> None:
    occluder = Occluder(model, frames)
    whole = np.ones(occluder.grid.shape, bool)
    expected = target_values(model.card, model.session.run([frames]))
    np.testing.assert_allclose(occluder.values([whole]), expected, atol=1e-5)


def test_a_map_is_what_the_cells_really_add(model: Model, frames: np.ndarray) -> None:
    occluder = Occluder(model, frames)
    found = influence_maps(occluder)[NAMES.index("valence")]
    expected = truth(model, occluder, frames)
    assert found.shape == expected.shape == (20, 16)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95


def test_a_map_comes_out_the_same_each_time(model: Model, frames: np.ndarray) -> None:
    occluder = Occluder(model, frames)
    one, other = influence_maps(occluder, masks=40), influence_maps(occluder, masks=40)
    np.testing.assert_array_equal(one, other)


def test_progress_counts_every_window_that_is_run(model: Model, frames: np.ndarray) -> None:
    occluder = Occluder(model, frames)
    counts: list[int] = []
    influence = influence_maps(occluder, progress=counts.append)
    assert sum(counts) == MASKS
    curves(occluder, influence[0], 0, progress=counts.append)
    assert sum(counts) == MASKS + CURVE_RUNS


def test_a_short_clip_is_covered_in_all_its_repetitions(model: Model, frames: np.ndarray) -> None:
    occluder = Occluder(model, frames[:30])
    assert occluder.grid.shape == (20, 16)
    nothing = np.zeros(occluder.grid.shape, bool)
    cover = np.tile(np.percentile(frames[:30], 5, axis=0), (100, 1)).astype(np.float32)
    expected = target_values(model.card, model.session.run([cover]))
    np.testing.assert_allclose(occluder.values([nothing]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "shape"), [((1000, 128), (20, 16)), ((7, 3), (7, 3)), ((1, 1), (1, 1))]
)
def test_a_grid_covers_every_frame_and_band_once(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    grid = Grid.over(*size)
    assert grid.shape == shape
    cells = np.arange(shape[0] * shape[1]).reshape(shape)
    spread = sum(cell * grid.spread(cells == cell).astype(int) for cell in cells.ravel())
    assert np.shape(spread) == size
    counts = np.unique(spread, return_counts=True)[1]
    assert len(counts) == cells.size
    assert counts.max() - counts.min() <= max(size)


def test_the_true_order_beats_chance_and_the_reverse_order_loses(
    model: Model, frames: np.ndarray
) -> None:
    occluder = Occluder(model, frames)
    target = NAMES.index("valence")
    found = curves(occluder, truth(model, occluder, frames), target)
    assert found.holds
    assert found.deletion_mean < found.random_means.min()
    assert found.insertion_mean > found.random_means.max()
    assert not curves(occluder, -truth(model, occluder, frames), target).holds
    for curve in (found.insertion, *found.random):
        assert (curve[0], curve[-1]) == (found.deletion[0], found.deletion[-1])


def test_a_curve_s_mean_is_the_area_below_it() -> None:
    values = np.array([[0.9, 0.5, 0.2, 0.1], [0.9, 0.8, 0.7, 0.1]])
    found = Curves(np.linspace(0, 1, 4), values[0], values[1], values)
    expected = np.trapezoid(values, found.covered, axis=1)
    assert found.deletion_mean == pytest.approx(expected[0])
    assert found.insertion_mean == pytest.approx(expected[1])
    np.testing.assert_allclose(found.random_means, expected)


def test_the_model_file_is_all_that_is_needed(tmp_path: Path) -> None:
    """A model that has but one head, and no genre."""
    path = tiny_model.write(tmp_path, tiny_model.card(heads=["arousal"]))
    model = load(path, device="cpu", threads=1)
    assert target_names(model.card) == ("arousal",)
    frames = model.front_end.logmel(tiny_model.noise(1.0, 0.1))[:100]
    assert influence_maps(Occluder(model, frames), masks=8).shape == (1, 20, 16)
