"""The front-end as a graph, so that one file goes from samples to scores on any ONNX runtime.

Only operators that every provider has: frames and their windowed discrete Fourier transform are one
convolution with real numbers, since ONNX's STFT is slow on CPUs and absent elsewhere. The tables of
the transform are not in the file (they would be larger than the network): the graph looks them up
in one period of a wave, which a runtime does once, when it opens the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, compose, helper, numpy_helper

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_export.graph import INPUT, OPSET

WAVEFORM = "waveform"
PREFIX = "frontend/"


def window_samples(config: FrontEndConfig, frames: int) -> int:
    """Return how many samples make a window of log-mel frames.

    As many hops as there are frames where that gives them, as a centred front-end does, else the
    fewest that do.
    """
    fewest = (frames - 1) * config.hop_length + config.n_fft + (config.preemphasis > 0)
    fewest -= 2 * (config.n_fft // 2) if config.center else 0
    whole = frames * config.hop_length
    return whole if FrontEnd(config).frame_count(whole) == frames else fewest


def frontend_graph(config: FrontEndConfig, frames: int) -> ModelProto:
    """Return the graph from ``waveform`` (batch, samples) to ``logmel`` (batch, frames, n_mels).

    Parameters
    ----------
    config
        The constants of the log-mel.
    frames
        The fixed length of a window; `window_samples` says how many samples that is.

    Raises
    ------
    ValueError
        The window is shorter than what its ends are padded with.
    """
    if config.center and window_samples(config, frames) <= config.n_fft // 2 + 1:
        raise ValueError(f"a window of {frames} frames is too short for n_fft {config.n_fft}")
    graph = _Graph()
    x = graph.node("Unsqueeze", WAVEFORM, graph.whole([1]))
    if config.preemphasis:
        late, early = graph.slice(x, 1, None), graph.slice(x, 0, -1)
        x = graph.node("Sub", late, graph.node("Mul", early, graph.real(config.preemphasis)))
    if config.center:
        half = config.n_fft // 2
        x = graph.node("Pad", x, graph.whole([0, 0, half, 0, 0, half]), mode="reflect")
    # The window lies in the middle of n_fft samples; those beside it count for nothing.
    lead = (config.n_fft - config.win_length) // 2
    reach = (frames - 1) * config.hop_length + config.win_length
    x = graph.slice(x, lead, lead + reach)
    energy = _spectrum(graph, x, config)
    if config.power != 2:
        energy = graph.node("Pow", energy, graph.real(config.power / 2))
    weights = graph.tensor("mel", FrontEnd(config).mel_weights[:, _used_bins(config)].T)
    mel = graph.node("MatMul", graph.node("Transpose", energy, perm=[0, 2, 1]), weights)
    offset = graph.real(config.log_offset)
    gain, level = 1 / config.scale, -config.mean / config.scale
    if config.logarithm == "ln":
        log = graph.node("Log", graph.node("Add", mel, offset))
    else:
        log = graph.node("Log", graph.node("Max", mel, offset))
        gain *= 10 / np.log(10)
    scaled = graph.node("Mul", log, graph.real(gain))
    graph.node("Add", scaled, graph.real(level), output=INPUT)
    return graph.model(window_samples(config, frames), frames, config.n_mels)


def _spectrum(graph: _Graph, x: str, config: FrontEndConfig) -> str:
    """Return the squared magnitudes of the bins that the filters use, (batch, bins, frames)."""
    bins = _used_bins(config)
    count = bins.stop - bins.start
    rows = graph.tensor("bins", np.arange(bins.start, bins.stop)[:, None])
    times = graph.tensor("times", np.arange(config.win_length)[None])
    # The phase of bin k at sample t is k t / n_fft periods, of which whole ones do not matter.
    phase = graph.node("Mod", graph.node("Mul", rows, times), graph.whole([config.n_fft]))
    period = 2 * np.pi * np.arange(config.n_fft) / config.n_fft
    window = graph.tensor("window", FrontEnd(config).window)
    parts = []
    for name, table in (("cosine", np.cos(period)), ("sine", np.sin(period))):
        wave = graph.node("Gather", graph.tensor(name, table.astype(np.float32)), phase)
        parts.append(graph.node("Mul", wave, window))
    kernel = graph.node("Unsqueeze", graph.node("Concat", *parts, axis=0), graph.whole([1]))
    both = graph.node("Conv", x, kernel, strides=[config.hop_length])
    square = graph.node("Mul", both, both)
    real, imaginary = (graph.slice(square, start, start + count, axis=1) for start in (0, count))
    return graph.node("Add", real, imaginary)


def _used_bins(config: FrontEndConfig) -> slice:
    used = np.flatnonzero(FrontEnd(config).mel_weights.any(axis=0))
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)


def prepend_frontend(network: ModelProto, config: FrontEndConfig) -> ModelProto:
    """Return the network with the front-end before it: samples in, the same outputs.

    Parameters
    ----------
    network
        A graph with one input, `INPUT`, in any variant; the front-end is in float all the same. It
        is not changed; its metadata is left out.
    config
        The constants of the log-mel that the network was trained on.

    Raises
    ------
    ValueError
        The graph takes something else.
    """
    inputs = [value.name for value in network.graph.input]
    if inputs != [INPUT]:
        raise ValueError(f"the graph's inputs are {', '.join(inputs) or 'none'}, not {INPUT} alone")
    frames = network.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    front = frontend_graph(config, frames)
    front.ir_version = network.ir_version
    front.opset_import[0].version = next(
        o.version for o in network.opset_import if o.domain in ("", "ai.onnx")
    )
    bare = ModelProto()
    bare.CopyFrom(network)
    del bare.metadata_props[:]
    model = compose.merge_models(front, bare, io_map=[(INPUT, INPUT)])
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants under construction; every method returns the name of a value."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        output = output or f"{PREFIX}{kind}_{len(self._nodes)}"
        name = f"{PREFIX}{kind}_{len(self._nodes)}/node"
        self._nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def tensor(self, name: str, array: NDArray[np.generic]) -> str:
        name = f"{PREFIX}{name}"
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def real(self, value: float) -> str:
        return self.tensor(f"constant_{len(self._constants)}", np.float32(value).reshape(()))

    def whole(self, values: Sequence[int]) -> str:
        return self.tensor(f"whole_{'_'.join(map(str, values))}", np.array(values, np.int64))

    def slice(self, x: str, start: int, stop: int | None, *, axis: int = 2) -> str:
        end = np.iinfo(np.int64).max if stop is None else stop
        return self.node("Slice", x, *(self.whole([v]) for v in (start, end, axis)))

    def model(self, samples: int, frames: int, n_mels: int) -> ModelProto:
        shapes = {WAVEFORM: ["batch", samples], INPUT: ["batch", frames, n_mels]}
        values = {
            name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        }
        graph = helper.make_graph(
            self._nodes,
            "frontend",
            [values[WAVEFORM]],
            [values[INPUT]],
            [*self._constants.values()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
