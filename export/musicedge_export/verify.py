"""A graph against the network it came from: the same windows, outputs compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from musicedge.errors import MusicedgeError
from musicedge_export.graph import INPUT
from musicedge_training.predict import Forward

Float32 = NDArray[np.float32]

FP32_TOLERANCE = 1e-4
MAX_ACCURACY_LOSS = 0.005
MAX_SPEARMAN_LOSS = 0.01


class VerificationError(MusicedgeError):
    """An exported graph differs from its network by more than is allowed."""


@dataclass(frozen=True)
class Difference:
    """The largest absolute difference of one output over all windows and batch sizes."""

    output: str
    value: float


def graph_forward(model: ModelProto, *, threads: int = 0, input_name: str = INPUT) -> Forward:
    """Return a graph as a function on windows, run by onnxruntime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def forward(windows: Float32) -> Mapping[str, Float32]:
        return dict(zip(names, session.run(names, {input_name: windows}), strict=True))

    return forward


def compare(
    reference: Forward,
    graph: Forward,
    windows: Sequence[Float32],
    *,
    batches: Sequence[int] = (1, 3),
) -> list[Difference]:
    """Compare two forms of a network on real windows, in batches of each size.

    Parameters
    ----------
    reference, graph
        The two forms, with the same outputs.
    windows
        Each np.ndarray [shape=(time, n_mels)]; at least as many as the largest batch.
    batches
        The sizes of the batches.

    Returns
    -------
    list of Difference
        One an output; infinite where either form gives what is no number.

    Raises
    ------
    ValueError
        There are too few windows for a batch.
    """
    if len(windows) < max(batches):
        raise ValueError(f"{len(windows)} windows: a batch takes {max(batches)}")
    worst: dict[str, float] = {}
    for size in batches:
        for start in range(0, len(windows) - size + 1, size):
            block = np.stack(windows[start : start + size])
            expected, given = reference(block), graph(block)
            for name, value in expected.items():
                gap = float(np.abs(value - given[name]).max())
                # NaN compares as false with everything: it must not pass for agreement.
                worst[name] = max(worst.get(name, 0.0), gap if np.isfinite(gap) else np.inf)
    return [Difference(name, value) for name, value in worst.items()]


def check_fp32(differences: Sequence[Difference]) -> None:
    """Pass where every output agrees within `FP32_TOLERANCE`.

    Raises
    ------
    VerificationError
        One does not; the message names it, and by how much it differs.
    """
    worst = max(differences, key=lambda difference: difference.value)
    if worst.value > FP32_TOLERANCE:
        raise VerificationError(
            f"{worst.output}: the fp32 graph differs from the network by {worst.value:.2e}, "
            f"more than {FP32_TOLERANCE:.0e}"
        )


def check_quantised(fp32: Mapping[str, float], quantised: Mapping[str, float]) -> None:
    """Pass where a quantised graph keeps accuracy and rank correlations.

    Parameters
    ----------
    fp32, quantised
        Scores by name, of the same labelled tracks.

    Raises
    ------
    VerificationError
        A score is lost, or falls by more than `MAX_ACCURACY_LOSS` or `MAX_SPEARMAN_LOSS`.
    """
    for name, before in fp32.items():
        if not is_judged(name):
            continue
        allowed = MAX_ACCURACY_LOSS if name == "genre/accuracy" else MAX_SPEARMAN_LOSS
        # An output that became constant has no rank correlation.
        after = quantised.get(name, float("nan"))
        if not before - after <= allowed:
            raise VerificationError(
                f"{name}: falls from {before:.4f} to {after:.4f} when quantised; at most "
                f"{allowed} may be lost"
            )


def is_judged(name: str) -> bool:
    """Return whether a score is one of those that a quantised graph must keep."""
    return name == "genre/accuracy" or "spearman" in name
