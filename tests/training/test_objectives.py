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


def test_gradnorm_weights_are_those_worked_out_by_hand() -> None:
    shared = torch.ones(1, requires_grad=True)
    weights = TaskWeights("gradnorm", ("steep", "flat"), alpha=1.0, rate=0.05)
    # Gradients of 6 and 2, so their mean is 4: the weights move by 0.05 * 6 down and 0.05 * 2 up to
    # 0.7 and 1.1, and are scaled to sum to 2.
    weights.balance({"steep": 6 * shared.sum(), "flat": 2 * shared.sum()}, shared)
    torch.testing.assert_close(weights.weights, torch.tensor([7 / 9, 11 / 9]))
    # One loss has halved: behind by 2/3 and 4/3. Weighted, the gradients are 42/9 and 22/9, wanted
    # are 32/9 * 2/3 and 32/9 * 4/3: again one is too long, and one too short.
    losses = {"steep": 6 * shared.sum() - 3, "flat": 2 * shared.sum()}
    weights.balance(losses, shared)
    torch.testing.assert_close(weights.weights, torch.tensor([86 / 162, 238 / 162]))
    # Weights that are already set count in the sum of the losses.
    assert float(weights(losses).detach()) == pytest.approx(3 * 86 / 162 + 2 * 238 / 162)


@pytest.mark.parametrize(("alpha", "expected"), [(0.0, [1.0, 1.0]), (1.0, [0.9, 1.1])])
def test_gradnorm_favours_the_task_that_is_behind_where_alpha_is_above_0(
    alpha: float, expected: list[float]
) -> None:
    shared = torch.ones(1, requires_grad=True)
    weights = TaskWeights("gradnorm", ("ahead", "behind"), alpha=alpha, rate=0.05)
    for fallen in (0.0, 1.0):
        losses = {"ahead": 2 * shared.sum() - fallen, "behind": 2 * shared.sum()}
        weights.balance(losses, shared)
    torch.testing.assert_close(weights.weights, torch.tensor(expected))


def test_gradnorm_step_is_the_gradient_of_its_loss() -> None:
    torch.manual_seed(0)
    trunk, heads, x = torch.nn.Linear(4, 5), torch.nn.Linear(5, 3), torch.randn(16, 4)
    tasks, rate, alpha = ("a", "b", "c"), 0.01, 0.7
    own = TaskWeights("gradnorm", tasks, alpha=alpha, rate=rate)
    w, first = torch.ones(3), None
    optimizer = torch.optim.SGD([*trunk.parameters(), *heads.parameters()], lr=0.02)
    for _ in range(6):
        losses = heads(torch.tanh(trunk(x))).square().mean(dim=0) * torch.tensor([1.0, 4.0, 0.3])
        first = losses.detach() if first is None else first
        own.balance(dict(zip(tasks, losses, strict=True)), trunk.weight)
        # The loss that the paper gives, by automatic differentiation twice.
        w = w.requires_grad_()
        parts = [
            torch.autograd.grad(each, trunk.weight, create_graph=True)[0].norm()
            for each in w * losses
        ]
        sizes = torch.stack(parts)
        shares = losses.detach() / first
        wanted = sizes.detach().mean() * (shares / shares.mean()) ** alpha
        (slope,) = torch.autograd.grad((sizes - wanted).abs().sum(), w, retain_graph=True)
        w = (w - rate * slope).detach()
        w = 3 * w / w.sum()
        torch.testing.assert_close(own.weights, w)
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
    assert not torch.allclose(w, torch.ones(3), atol=1e-3)


def test_gradnorm_only_scales_the_weight_of_a_task_without_labels_in_the_batch() -> None:
    shared = torch.ones(1, requires_grad=True)
    weights = TaskWeights("gradnorm", ("a", "b", "none"), alpha=1.5, rate=0.05)
    weights.balance(
        {"a": 6 * shared.sum(), "b": 2 * shared.sum(), "none": 0 * shared.sum()}, shared
    )
    torch.testing.assert_close(weights.weights, torch.tensor([0.7, 1.1, 1.0]) * 3 / 2.8)
    assert float(weights.weights.sum()) == pytest.approx(3)
    # Its first loss is the first that there is.
    weights.balance(
        {"a": 6 * shared.sum(), "b": 2 * shared.sum(), "none": 4 * shared.sum()}, shared
    )
    torch.testing.assert_close(weights.before, torch.tensor([6.0, 2.0, 4.0]))


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(-9, 9)), min_size=1, max_size=4),
    st.floats(0, 3),
    st.floats(1e-3, 1),
)
@settings(deadline=None)
def test_gradnorm_weights_stay_above_0_and_sum_to_the_number_of_tasks(
    losses: list[tuple[float, float]], alpha: float, rate: float
) -> None:
    shared = torch.ones(1, requires_grad=True)
    tasks = [f"task {number}" for number in range(len(losses))]
    weights = TaskWeights("gradnorm", tasks, alpha=alpha, rate=rate)
    for share in (1.0, 0.3, 0.01):
        values = {
            task: share * value + slope * (shared.sum() - 1)
            for task, (value, slope) in zip(tasks, losses, strict=True)
        }
        weights.balance(values, shared)
        assert (weights.weights > 0).all()
        assert float(weights.weights.sum()) == pytest.approx(len(tasks), rel=1e-4)
    assert shared.grad is None  # the step's own gradients are not touched


@pytest.mark.parametrize("kind", ["uniform", "fixed", "uncertainty", "dwa"])
def test_other_weightings_do_not_change_by_step(kind: str) -> None:
    shared = torch.ones(1, requires_grad=True)
    weights = TaskWeights(kind, ("a", "b"))
    weights.balance({"a": 6 * shared.sum(), "b": 2 * shared.sum()}, shared)
    assert torch.equal(weights.weights, torch.ones(2))
