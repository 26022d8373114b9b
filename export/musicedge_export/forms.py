"""Other forms of an exported model: from samples to scores, and onnxruntime's own format."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.tools.ort_format_model.utils import create_config_from_models

from musicedge.card import Card, GraphFacts
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_export.candidates import Candidate
from musicedge_export.cards import attach
from musicedge_export.census import count_macs, count_operators
from musicedge_export.graph import INPUT
from musicedge_export.stored import keep_stored
from musicedge_export.verify import Difference, VerificationError, compare, graph_forward
from musicedge_export.waveform import (
    WAVEFORM,
    frontend_graph,
    prepend_frontend,
    window_samples,
)
from musicedge_training.datasets import synthetic

Float32 = NDArray[np.float32]

LOGMEL_TOLERANCE = 1e-4
OUTPUT_TOLERANCE = 1e-3
"""Of an fp32 graph; where rounding to 8 bits follows, a difference of 1e-5 can turn over a step."""


def waveform_form(candidate: Candidate) -> Candidate:
    """Return a model that takes samples, of one that takes log-mel, in any variant.

    Beside the logits of a classification it gives its calibrated probabilities, as ``genre_scores``
    (batch, classes), so that nothing is left to be computed. It is compared with the front-end and
    the model on sounds made by code.

    Raises
    ------
    ValueError
        The model takes something else.
    VerificationError
        The two differ by more than is allowed.
    """
    card = candidate.card
    graph = prepend_frontend(candidate.model, card.frontend)
    _add_scores(graph, card)
    front = frontend_graph(card.frontend, card.window_frames)
    facts = GraphFacts(
        opset=card.graph.opset,
        parameters=card.graph.parameters,
        macs=card.graph.macs + count_macs(front),
        operators=count_operators(graph),
    )
    signals = probe_signals(card.frontend, card.window_frames)
    differences = check_waveform(graph, candidate.model, card, signals)
    card = replace(card, input=WAVEFORM, graph=facts)
    return Candidate(attach(graph, card), card, tuple(differences), candidate.scores)


def _add_scores(model: ModelProto, card: Card) -> None:
    for head in card.heads:
        if head.kind != "classification":
            continue
        name, scaled = f"{head.name}_scores", f"{head.name}_scaled"
        temperature = numpy_helper.from_array(np.float32(head.temperature), f"{name}_temperature")
        model.graph.initializer.append(temperature)
        model.graph.node.extend(
            [
                helper.make_node("Div", [head.name, temperature.name], [scaled]),
                helper.make_node("Softmax", [scaled], [name], axis=1),
            ]
        )
        shape = ["batch", len(head.labels)]
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        model.graph.output.append(value)
    onnx.checker.check_model(model, full_check=True)


def check_waveform(
    waveform: ModelProto, logmel: ModelProto, card: Card, signals: Sequence[Float32]
) -> list[Difference]:
    """Compare a model that takes samples with the one that it was made of.

    Parameters
    ----------
    waveform, logmel
        The two forms.
    card
        The card of the second.
    signals
        Windows of samples at the front-end's rate, each np.ndarray [shape=(n,)], at least 3.

    Returns
    -------
    list of Difference
        The log-mel's, and every output's.

    Raises
    ------
    VerificationError
        The log-mel differs by more than `LOGMEL_TOLERANCE`, or an output of an fp32 graph by more
        than `OUTPUT_TOLERANCE`.
    """
    front = FrontEnd(card.frontend)

    def features(windows: Float32) -> dict[str, Float32]:
        return {INPUT: np.stack([front.logmel(samples) for samples in windows])}

    network = graph_forward(logmel)
    alone = graph_forward(frontend_graph(card.frontend, card.window_frames), input_name=WAVEFORM)
    whole = graph_forward(waveform, input_name=WAVEFORM)
    differences = [
        *compare(features, alone, signals),
        *compare(lambda windows: network(features(windows)[INPUT]), whole, signals),
    ]
    limits = {INPUT: LOGMEL_TOLERANCE}
    if card.variant == "fp32":
        limits |= {head.name: OUTPUT_TOLERANCE for head in card.heads}
    for difference in differences:
        if difference.value > limits.get(difference.output, np.inf):
            raise VerificationError(
                f"{difference.output}: from samples it differs by {difference.value:.2e}, more "
                f"than {limits[difference.output]:.0e}"
            )
    return differences


def probe_signals(config: FrontEndConfig, frames: int) -> list[Float32]:
    """Return windows of samples made by code, a few of each kind, loud and faint."""
    n = window_samples(config, frames)
    rng = np.random.default_rng(0)
    makers = [*synthetic.TRAINED.values(), *synthetic.HELD_OUT.values()]
    return [make(rng, n, config.sample_rate) for make in makers for _ in range(2)]


def ort_format(model: ModelProto) -> tuple[bytes, str]:
    """Return a model in onnxruntime's own format, and the operators that it needs.

    Returns
    -------
    bytes
        The ``.ort`` file, its graph optimised for any machine; weights that are stored as int8
        stay so, and are turned into float at every run.
    str
        The list of operators, which ``onnxruntime``'s build takes with ``--include_ops_by_config``
        to leave out all others.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, config = Path(folder) / "model.ort", Path(folder) / "operators.config"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Basic: what goes further is for the machine that it runs on.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        options.add_session_config_entry("session.save_model_format", "ORT")
        onnxruntime.InferenceSession(
            keep_stored(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)
        create_config_from_models([path], config, False)
        return path.read_bytes(), config.read_text(encoding="utf-8")
