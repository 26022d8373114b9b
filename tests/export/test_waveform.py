"""The front-end as a graph: equal to the runtime's for any constants."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper
from tests.export.conftest import FRAMES, candidate_of
from tests.runtime.test_frontend import LIBROSA

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_export import forms
from musicedge_export.forms import probe_signals, waveform_form
from musicedge_export.verify import VerificationError, graph_forward
from musicedge_export.waveform import (
    PREFIX,
    WAVEFORM,
    frontend_graph,
    prepend_frontend,
    window_samples,
)

CONFIGS = {
    "default": FrontEndConfig(),
    "librosa": LIBROSA,
    "odd": FrontEndConfig(
        sample_rate=16_000,
        n_fft=501,
        win_length=380,
        hop_length=173,
        center=False,
        preemphasis=0.5,
        n_mels=20,
        fmin=100.0,
        fmax=7000.0,
        mel_scale="htk",
        power=1.0,
    ),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_graph_equals_the_runtimes_front_end(config: FrontEndConfig) -> None:
    frames = 20
    graph = frontend_graph(config, frames)
    onnx.checker.check_model(graph, full_check=True)
    rng = np.random.default_rng(0)
    n = window_samples(config, frames)
    signals = (rng.standard_normal((3, n)) * [[1e-3], [0.1], [0.5]]).astype(np.float32)
    given = graph_forward(graph, input_name=WAVEFORM)(signals)["logmel"]
    expected = np.stack([FrontEnd(config).logmel(signal) for signal in signals])
    assert given.shape == expected.shape == (3, frames, config.n_mels)
    # In decibels with an offset of 1e-10 the values are 20 times as large.
    np.testing.assert_allclose(given, expected, atol=1e-4, rtol=1e-5)


def test_window_of_a_centred_front_end_is_a_whole_number_of_hops() -> None:
    assert window_samples(FrontEndConfig(), 1000) == 320_000


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("frames", [8, 33])
def test_window_gives_as_many_frames_as_asked_for(config: FrontEndConfig, frames: int) -> None:
    assert FrontEnd(config).frame_count(window_samples(config, frames)) == frames


def test_window_shorter_than_its_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="1 frames is too short"):
        frontend_graph(FrontEndConfig(), 1)


def test_file_holds_no_table_of_the_transform_and_no_stft(fp32: ModelProto) -> None:
    whole = prepend_frontend(fp32, FrontEndConfig())
    added = [t for t in whole.graph.initializer if t.name.startswith(PREFIX)]
    assert sum(len(t.raw_data) for t in added) < 300_000
    assert all(node.op_type != "STFT" for node in whole.graph.node)
    assert not [o for o in whole.opset_import if o.domain not in ("", "ai.onnx")]


def test_front_end_stays_in_float_in_a_quantised_graph(int8: ModelProto) -> None:
    whole = prepend_frontend(int8, FrontEndConfig())
    kinds = {n.op_type for n in whole.graph.node if n.name.startswith(PREFIX)}
    assert "Conv" in kinds
    assert not kinds & {"QuantizeLinear", "DequantizeLinear"}
    added = [numpy_helper.to_array(t) for t in whole.graph.initializer if t.name.startswith(PREFIX)]
    assert {array.dtype.name for array in added} <= {"float32", "int64"}


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_from_samples_the_outputs_are_those_of_the_log_mel(
    variant: str, request: pytest.FixtureRequest
) -> None:
    candidate = candidate_of(request.getfixturevalue(variant), variant)
    whole = waveform_form(candidate)
    assert [d.output for d in whole.differences] == [
        "logmel",
        *(head.name for head in candidate.card.heads),
    ]
    assert whole.differences[0].value < forms.LOGMEL_TOLERANCE
    assert whole.card.input == "waveform"
    signals = np.stack(probe_signals(candidate.card.frontend, FRAMES))
    outputs = graph_forward(whole.model, input_name=WAVEFORM)(signals)
    logits = outputs["genre"] / candidate.card.heads[0].temperature
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["genre_scores"], expected, atol=1e-6)
    used = FrontEnd().mel_weights.any(axis=0).sum()
    facts, before = whole.card.graph, candidate.card.graph
    assert facts.parameters == before.parameters
    assert facts.macs - before.macs == FRAMES * used * (2 * 800 + 128)
    (value,) = whole.model.graph.input
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    assert (value.name, shape[1]) == ("waveform", 320 * FRAMES)


@pytest.mark.parametrize("limit", ["LOGMEL_TOLERANCE", "OUTPUT_TOLERANCE"])
def test_form_that_differs_is_an_error(
    limit: str, fp32: ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, limit, 0.0)
    with pytest.raises(VerificationError, match="from samples it differs"):
        waveform_form(candidate_of(fp32))


def test_graph_that_takes_samples_already_is_refused(fp32: ModelProto) -> None:
    whole = prepend_frontend(fp32, FrontEndConfig())
    with pytest.raises(ValueError, match="inputs are waveform"):
        prepend_frontend(whole, FrontEndConfig())


def test_sounds_to_compare_on_fill_a_window_and_differ() -> None:
    signals = probe_signals(FrontEndConfig(), FRAMES)
    assert {len(signal) for signal in signals} == {320 * FRAMES}
    assert len({signal.tobytes() for signal in signals}) == len(signals) - 1  # silence, twice
