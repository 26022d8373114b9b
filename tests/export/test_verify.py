"""Verification: what differs, or is no number, does not pass, and is named in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from musicedge_export.verify import (
    FP32_TOLERANCE,
    MAX_ACCURACY_LOSS,
    MAX_SPEARMAN_LOSS,
    Difference,
    VerificationError,
    check_fp32,
    check_quantised,
    compare,
)

WINDOWS = [np.full((4, 2), number, np.float32) for number in range(7)]
BEFORE = {
    "genre/accuracy": 0.8,
    "arousal/spearman/rated": 0.5,
    "music/auroc": 0.99,
    "genre/ece": 0.02,
}


def level(offset: float = 0.0, where: float | None = None) -> Callable[..., Mapping]:
    """Return a network whose output is the windows' mean, off by `offset` at one value."""

    def forward(windows: np.ndarray) -> dict[str, np.ndarray]:
        mean = windows.mean(axis=(1, 2))
        off = offset if where is None else np.where(mean == where, offset, 0)
        return {"genre": np.stack([mean, -mean], axis=1), "music": mean + off}

    return forward


def message_of(call: Callable[[], None]) -> str:
    with pytest.raises(VerificationError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_equal_networks_differ_by_nothing() -> None:
    differences = compare(level(), level(), WINDOWS)
    assert differences == [Difference("genre", 0.0), Difference("music", 0.0)]
    check_fp32(differences)


@pytest.mark.parametrize("window", [0, 3, 6])
def test_difference_in_any_window_is_found(window: int) -> None:
    differences = compare(level(), level(0.5, where=window), WINDOWS)
    assert differences == [Difference("genre", 0.0), Difference("music", 0.5)]
    message = message_of(lambda: check_fp32(differences))
    assert "music" in message
    assert "5.00e-01" in message


def test_difference_at_one_batch_size_is_found() -> None:
    def fails_in_batches(windows: np.ndarray) -> Mapping:
        return level(0.25 if len(windows) == 3 else 0.0)(windows)

    assert compare(level(), fails_in_batches, WINDOWS)[1] == Difference("music", 0.25)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_no_number_is_a_difference(broken: float) -> None:
    for pair in ((level(), level(broken, where=2)), (level(broken, where=2), level())):
        differences = compare(*pair, WINDOWS)
        assert differences[1].value == np.inf
        message_of(lambda: check_fp32(differences))  # noqa: B023


def test_too_few_windows_for_a_batch_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 windows"):
        compare(level(), level(), WINDOWS[:2])


def test_tolerance_is_the_border() -> None:
    check_fp32([Difference("music", FP32_TOLERANCE)])
    message_of(lambda: check_fp32([Difference("music", 1.01 * FP32_TOLERANCE)]))


def test_equal_and_better_scores_pass() -> None:
    check_quantised(BEFORE, BEFORE)
    check_quantised(BEFORE, {name: value + 0.1 for name, value in BEFORE.items()})


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("genre/accuracy", MAX_ACCURACY_LOSS), ("arousal/spearman/rated", MAX_SPEARMAN_LOSS)],
)
def test_score_that_falls_too_far_is_named(name: str, allowed: float) -> None:
    check_quantised(BEFORE, {**BEFORE, name: BEFORE[name] - 0.9 * allowed})
    after = BEFORE[name] - 1.1 * allowed
    message = message_of(lambda: check_quantised(BEFORE, {**BEFORE, name: after}))
    assert name in message
    assert f"{BEFORE[name]:.4f}" in message
    assert f"{after:.4f}" in message


def test_score_that_is_lost_or_no_number_is_named() -> None:
    name = "arousal/spearman/rated"
    lost = {key: value for key, value in BEFORE.items() if key != name}
    for after in (lost, {**BEFORE, name: float("nan")}):
        assert name in message_of(lambda: check_quantised(BEFORE, after))  # noqa: B023


def test_scores_that_do_not_gate_may_fall() -> None:
    check_quantised(BEFORE, {**BEFORE, "music/auroc": 0.5, "genre/ece": 0.5})
