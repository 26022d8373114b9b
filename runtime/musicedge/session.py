"""onnxruntime: opening a verified model on a provider, with as many threads as there are CPUs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from musicedge.bundle import Bundle
from musicedge.card import Card, Head
from musicedge.cpus import available_cpus
from musicedge.errors import DeviceUnavailable, ModelInvalid

if TYPE_CHECKING:
    from musicedge.frontend import Float32

__all__ = ["BATCH", "INPUT", "Device", "Session", "available_cpus"]

Device = Literal["auto", "cpu", "cuda"]

INPUT = "logmel"

BATCH = 4
"""Windows that are run at once. Of 1, 2, 4, 8 and 16, four take the least processor time a window
on the shipped CNN; every further window costs 10 MB. Only batches of this size and of one are run,
since onnxruntime's memory grows with every new shape."""

_MOST_THREADS = 4  # networks this small divide their layers among no more
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_FATAL = 4  # onnxruntime's severity: what fails is raised, so that nothing need be printed
_TENSOR = "tensor(float)"
_ROUNDING = 1e-3  # by which a value may miss its range
_LONGEST_REASON = 300  # characters of onnxruntime's own text in an error


class Session:
    """A model, opened. May be run from several threads at once.

    Parameters
    ----------
    bundle
        The verified model; its bytes are run, whatever has become of the file.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"`` for CUDA where it works and the CPU elsewhere.
    threads
        Threads for one run; None for one for each available CPU, at most 4.

    Attributes
    ----------
    provider
        The execution provider that is really used, such as ``"CPUExecutionProvider"``.
    window_shape
        Of what it takes, ``(window_frames, n_mels)``.

    Raises
    ------
    DeviceUnavailable
        CUDA was asked for and is not there, or there is no device of that name.
    ModelInvalid
        onnxruntime refuses the graph, or the graph does not agree with the card.
    ValueError
        `threads` is below 1.
    """

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int | None = None) -> None:
        threads = thread_count(threads)
        self._source = bundle.source
        self._card = bundle.card
        if bundle.card.input != INPUT:
            raise ModelInvalid(
                f"{bundle.source}: it takes a {bundle.card.input} and is made for other programs; "
                f"give the model's other form, which takes {INPUT}"
            )
        self._session = _open(bundle, device, threads)
        self.provider: str = self._session.get_providers()[0]
        self.window_shape = (self._card.window_frames, self._card.frontend.n_mels)
        self._outputs = [head.name for head in self._card.heads]
        with _rules(self._source):
            free = _has_free_batch(self._session.get_inputs(), self._card)
            self._batch = BATCH if free and not _mixes_windows(self._card) else 1
            _check_outputs(self._session.get_outputs(), self._card)

    def run(self, windows: Sequence[Float32]) -> dict[str, Float32]:
        """Run windows through the network.

        Parameters
        ----------
        windows
            Any number, each np.ndarray [shape=(window_frames, n_mels)].

        Returns
        -------
        dict of str to np.ndarray
            The output of every head of the card, [shape=(n, n_labels)] for classifications,
            [shape=(n,)] for the others.

        Raises
        ------
        ModelInvalid
            The graph fails, or gives what the card does not promise.
        """
        full = len(windows) - len(windows) % self._batch
        sizes = [self._batch] * (full // self._batch) + [1] * (len(windows) - full)
        parts: list[list[Float32]] = []
        start = 0
        for size in sizes:
            parts.append(self._run_batch(np.stack(windows[start : start + size])))
            start += size
        return {
            name: np.concatenate([part[index] for part in parts])
            for index, name in enumerate(self._outputs)
        }

    def _run_batch(self, batch: Float32) -> list[Float32]:
        try:
            values: list[Float32] = self._session.run(self._outputs, {INPUT: batch})
        except Exception as error:
            raise ModelInvalid(
                f"{self._source}: the network fails on its input ({_one_line(error)}); "
                "export the model again"
            ) from None
        with _rules(self._source):
            for head, value in zip(self._card.heads, values, strict=True):
                _check_values(head, value, len(batch))
        return values


def thread_count(threads: int | None) -> int:
    """Return the threads for one run: as many as were asked for, else one for each available CPU.

    Raises
    ------
    ValueError
        Fewer than 1 were asked for.
    """
    if threads is None:
        return min(available_cpus(), _MOST_THREADS)
    if threads < 1:
        raise ValueError(f"threads is {threads}: must be at least 1")
    return threads


def _open(bundle: Bundle, device: str, threads: int) -> Any:
    """Return an onnxruntime session on the device that was asked for, and on no other."""
    if device not in ("auto", "cpu", "cuda"):
        raise DeviceUnavailable(f"{device}: there is no device of that name; use auto, cpu or cuda")
    # Late: importing onnxruntime takes longer than any other part of a short run.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    # Planned memory was no faster; it is taken again for each shape, new pages and all.
    options.enable_mem_pattern = False
    # Spinning threads took 4 times the processor time and were no faster (shipped CNN, 2 threads).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without VNNI, x86 sums pairs of uint8 x int8 products in 16 bits, which overflow: it moved the
    # shipped AST's genre logits by 0.22. Weights made unsigned do not, and cost no time.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # What was verified is an ONNX file; no other reading of the same bytes will do.
    options.add_session_config_entry("session.load_model_format", "ONNX")

    def create(providers: list[str]) -> Any:
        try:
            # Its own fall-back prints to standard output and hides which device is used.
            return onnxruntime.InferenceSession(
                bundle.data, options, providers=providers, enable_fallback=0
            )
        except Exception as error:
            raise ModelInvalid(
                f"{bundle.source}: onnxruntime cannot open it ({_one_line(error)}); "
                "export the model again"
            ) from None

    if device != "cpu":
        reason = "this onnxruntime is built without CUDA"
        if _CUDA in onnxruntime.get_available_providers():
            _prepare_cuda(onnxruntime)
            try:
                session = create([_CUDA, _CPU])
                if session.get_providers()[0] == _CUDA:
                    return session
                reason = "onnxruntime could not load the CUDA libraries"
            except ModelInvalid as error:
                reason = str(error)
        if device == "cuda":
            raise DeviceUnavailable(
                f"cuda: {reason}; pip install onnxruntime-gpu in place of onnxruntime, with "
                "NVIDIA's driver, CUDA and cuDNN, or choose the device cpu"
            )
    return create([_CPU])


def _prepare_cuda(onnxruntime: ModuleType) -> None:
    """Let onnxruntime find NVIDIA's libraries in their pip packages, without a word."""
    onnxruntime.set_default_logger_severity(_FATAL)
    if hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            onnxruntime.preload_dlls()


@contextlib.contextmanager
def _rules(source: str) -> Iterator[None]:
    """Turn a broken rule into the error that names the model."""
    try:
        yield
    except ValueError as error:
        raise ModelInvalid(
            f"{source}: the graph does not agree with its card: {error}; export the model again"
        ) from None


def _has_free_batch(inputs: Sequence[Any], card: Card) -> bool:
    """Check the graph's inputs against the card, and say whether any batch size will do."""
    if [value.name for value in inputs] != [INPUT]:
        names = ", ".join(repr(value.name) for value in inputs)
        raise ValueError(f"its inputs are {names or 'none'}, not {INPUT!r} alone")
    _check_tensor(inputs[0], (1, card.window_frames, card.frontend.n_mels))
    return not isinstance(inputs[0].shape[0], int)


def _mixes_windows(card: Card) -> bool:
    """Return whether what is said of a window depends on those that are run with it.

    Dynamic quantisation has one scale for a whole batch. A stream, which runs windows one by one,
    would not say what a file's analysis says.
    """
    return any("DynamicQuantize" in operator for operator in card.graph.operators)


def _check_outputs(outputs: Sequence[Any], card: Card) -> None:
    found = {value.name: value for value in outputs}
    expected = {head.name for head in card.heads}
    if found.keys() != expected:
        names = ", ".join(sorted(repr(name) for name in found))
        raise ValueError(f"its outputs are {names}, not {', '.join(sorted(expected))}")
    for head in card.heads:
        _check_tensor(found[head.name], (1, *_head_shape(head)))


def _check_tensor(value: Any, shape: tuple[int, ...]) -> None:
    """Compare type and shape; what the graph leaves open will do, and so will any batch size."""
    agrees = value.type == _TENSOR and len(value.shape) == len(shape)
    if agrees:
        agrees = all(
            found == wanted or not isinstance(found, int)
            for found, wanted in zip(value.shape, shape, strict=True)
        )
    if not agrees:
        wanted = ("batch", *shape[1:])
        raise ValueError(
            f"{value.name!r} is {value.type} {_shape(value.shape)}, not {_TENSOR} {_shape(wanted)}"
        )


def _check_values(head: Head, value: Float32, count: int) -> None:
    shape = (count, *_head_shape(head))
    if value.shape != shape:
        raise ValueError(f"{head.name!r} has shape {_shape(value.shape)}, not {_shape(shape)}")
    if not np.isfinite(value).all():
        raise ValueError(f"{head.name!r} holds numbers that are not finite")
    if head.kind != "classification" and len(value):
        low, high = float(value.min()), float(value.max())
        least, most = head.range
        if not (least - _ROUNDING <= low and high <= most + _ROUNDING):
            raise ValueError(
                f"{head.name!r} ranges from {low:g} to {high:g}, not from {least:g} to {most:g}"
            )


def _head_shape(head: Head) -> tuple[int, ...]:
    return (len(head.labels),) if head.kind == "classification" else ()


def _shape(shape: Sequence[Any]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).removeprefix("[ONNXRuntimeError] : ").split())
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
