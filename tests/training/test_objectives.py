"""The losses: against torch's own, against the formula, and with labels missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional

from musicedge_training import scores
from musicedge_training.objectives import (
    TaskWeights,
    concordance_loss,
    masked_mean,
    partial_cross_entropy,
)

CLASSES = 5

logits_of = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.just(CLASSES)),
    elements=st.floats(-30, 30, width=32),
)
smoothings = st.sampled_from([0.0, 0.1, 0.5])


def one_hot(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    classes = torch.from_numpy(np.random.default_rng(seed).integers(CLASSES, size=rows))
    return classes, functional.one_hot(classes, CLASSES).bool()


@given(logits_of, smoothings, st.integers(0, 99))
@settings(deadline=None)
def test_sure_label_gives_cross_entropy(logits: np.ndarray, smoothing: float, seed: int) -> None:
    x = torch.from_numpy(logits)
    classes, allowed = one_hot(len(x), seed)
    expected = functional.cross_entropy(x, classes, label_smoothing=smoothing, reduction="none")
    given_ = partial_cross_entropy(x, allowed, smoothing=smoothing)
    torch.testing.assert_close(given_, expected, atol=1e-4, rtol=1e-4)


@given(logits_of, st.integers(0, 99))
@settings(deadline=None)
def test_set_label_gives_the_log_of_the_summed_probability(logits: np.ndarray, seed: int) -> None:
    x = torch.from_numpy(logits).double()
    allowed = torch.from_numpy(np.random.default_rng(seed).random(x.shape) < 0.5)
    allowed[:, 0] = True
    expected = -torch.log((torch.softmax(x, dim=1) * allowed).sum(dim=1))
    torch.testing.assert_close(partial_cross_entropy(x, allowed), expected, atol=1e-6, rtol=1e-6)


@given(logits_of, smoothings, st.integers(0, 99))
@settings(deadline=None)
def test_admitting_more_classes_never_costs_more(
    logits: np.ndarray, smoothing: float, seed: int
) -> None:
    x = torch.from_numpy(logits)
    _, allowed = one_hot(len(x), seed)
    more = allowed | torch.from_numpy(np.random.default_rng(seed).random(x.shape) < 0.5)
    narrow = partial_cross_entropy(x, allowed, smoothing=smoothing)
    wide = partial_cross_entropy(x, more, smoothing=smoothing)
    assert (wide <= narrow + 1e-4).all()


@given(logits_of, smoothings)
@settings(deadline=None)
def test_unlabelled_row_gives_nothing_to_learn(logits: np.ndarray, smoothing: float) -> None:
    x = torch.from_numpy(logits).requires_grad_()
    loss = partial_cross_entropy(x, torch.zeros_like(x, dtype=torch.bool), smoothing=smoothing)
    loss.sum().backward()
    assert torch.equal(loss, torch.zeros_like(loss))
    assert torch.equal(x.grad, torch.zeros_like(x))


@given(logits_of, smoothings, st.integers(0, 99))
@settings(deadline=None)
def test_gradient_is_finite_for_any_mix_of_labels(
    logits: np.ndarray, smoothing: float, seed: int
) -> None:
    x = torch.from_numpy(logits).requires_grad_()
    rng = np.random.default_rng(seed)
    allowed = torch.from_numpy(rng.random(x.shape) < rng.random((len(x), 1)))
    loss = partial_cross_entropy(x, allowed, smoothing=smoothing)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[~allowed.any(dim=1)] == 0).all()


def test_every_class_admitted_costs_nothing_without_smoothing() -> None:
    x = torch.randn(4, CLASSES)
    loss = partial_cross_entropy(x, torch.ones_like(x, dtype=torch.bool))
    torch.testing.assert_close(loss, torch.zeros(4), atol=1e-6, rtol=0)


@given(st.lists(st.tuples(st.floats(-9, 9), st.booleans()), min_size=1, max_size=8))
def test_masked_mean_is_the_mean_of_what_counts(pairs: list[tuple[float, bool]]) -> None:
    values = torch.tensor([value for value, _ in pairs], dtype=torch.float64)
    weights = torch.tensor([float(counts) for _, counts in pairs], dtype=torch.float64)
    counted = [value for value, counts in pairs if counts]
    expected = float(np.mean(counted)) if counted else 0.0
    assert abs(float(masked_mean(values, weights)) - expected) < 1e-9


def test_masked_mean_of_nothing_has_a_gradient_of_zero() -> None:
    values = torch.ones(3, requires_grad=True)
    masked_mean(values, torch.zeros(3)).backward()
    assert torch.equal(values.grad, torch.zeros(3))


def test_concordance_loss_is_one_minus_the_score_of_what_counts() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.random(30).astype(np.float32), rng.random(30).astype(np.float32)
    weights = torch.ones(30)
    weights[20:] = 0
    loss = concordance_loss(torch.from_numpy(predicted), torch.from_numpy(truth), weights)
    assert 1 - float(loss) == pytest.approx(
        scores.concordance(truth[:20], predicted[:20]), abs=1e-4
    )
    same = torch.from_numpy(truth)
    assert float(concordance_loss(same, same, torch.ones(30))) == pytest.approx(0, abs=1e-4)
    assert float(concordance_loss(same, same, torch.zeros(30))) == 0


def test_fixed_weights_add_up() -> None:
    weights = TaskWeights("fixed", ("a", "b"))
    losses = {"a": torch.tensor(2.0), "b": torch.tensor(3.0), "c": torch.tensor(100.0)}
    assert float(weights(losses)) == 5.0
    assert not any(parameter.requires_grad for parameter in weights.parameters())


def test_uncertainty_learns_to_weigh_a_loud_task_less() -> None:
    weights = TaskWeights("uncertainty", ("loud", "quiet"))
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        weights({"loud": torch.tensor(4.0), "quiet": torch.tensor(0.25)}).backward()
        optimizer.step()
    # exp(-s) L + s is least at s = ln L.
    expected = torch.log(torch.tensor([4.0, 0.25]))
    torch.testing.assert_close(weights.log_variances.detach(), expected, atol=1e-2, rtol=1e-2)


def test_dynamic_average_favours_the_task_that_falls_least() -> None:
    weights = TaskWeights("dwa", ("slow", "fast"))
    for slow, fast in ((1.0, 1.0), (0.9, 0.3)):
        weights({"slow": torch.tensor(slow), "fast": torch.tensor(fast)})
        weights.end_epoch()
    expected = 2 * torch.softmax(torch.tensor([0.9, 0.3]) / 2, dim=0)
    torch.testing.assert_close(weights.weights, expected)
