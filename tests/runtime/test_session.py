"""onnxruntime sessions: agreement with the card, providers, threads, silence on the terminal."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.runtime import tiny_model
from tests.runtime.tiny_model import CARD, FRONTEND, GENRES

from musicedge import bundle as bundles
from musicedge.bundle import Bundle
from musicedge.card import Card
from musicedge.cpus import available_cpus
from musicedge.errors import DeviceUnavailable, ModelInvalid
from musicedge.session import BATCH, Session

WINDOW = (CARD.window_frames, FRONTEND.n_mels)
HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def bundle(model: onnx.ModelProto | None = None, card: Card = CARD) -> Bundle:
    model = tiny_model.graph(card) if model is None else model
    return Bundle("my.onnx", tiny_model.with_card(model, card.to_json()), "", card)


def windows(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(rng.normal(size=(count, *WINDOW)).astype(np.float32))


def expected(batch: np.ndarray, head: str) -> np.ndarray:
    """The tiny model's formula, in NumPy."""
    tensors = {t.name: numpy_helper.to_array(t) for t in tiny_model.graph().graph.initializer}
    logits = batch.mean(axis=1) @ tensors[f"{head}.weight"] + tensors[f"{head}.bias"]
    return logits if head == "genre" else 1 / (1 + np.exp(-logits[:, 0]))


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, 2 * BATCH + 1])
def test_any_number_of_windows_gives_every_head_in_order(count: int):
    batch = windows(count)
    outputs = Session(bundle(), "cpu").run(batch)
    assert set(outputs) == {head.name for head in CARD.heads}
    assert outputs["genre"].shape == (count, len(GENRES))
    for name, values in outputs.items():
        np.testing.assert_allclose(values, expected(np.stack(batch), name), rtol=1e-4, atol=1e-5)


def test_only_two_batch_sizes_are_run():
    session = Session(bundle(), "cpu")
    sizes = []
    run = session._run_batch
    session._run_batch = lambda batch: sizes.append(len(batch)) or run(batch)
    session.run(windows(2 * BATCH + 2))
    assert sizes == [BATCH, BATCH, 1, 1]


def test_a_graph_of_fixed_batch_1_works():
    model = tiny_model.graph()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = 1
    batch = windows(BATCH + 1)
    outputs = Session(bundle(model), "cpu").run(batch)
    np.testing.assert_allclose(
        outputs["genre"], expected(np.stack(batch), "genre"), rtol=1e-4, atol=1e-5
    )


def renamed(model: onnx.ModelProto, old: str, new: str) -> onnx.ModelProto:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*model.graph.input, *model.graph.output):
        value.name = new if value.name == old else value.name
    return model


def test_inputs_and_outputs_have_the_names_of_the_card():
    with pytest.raises(ModelInvalid, match=r"^my.onnx: .*inputs are 'mel', not 'logmel' alone"):
        Session(bundle(renamed(tiny_model.graph(), "logmel", "mel")), "cpu")
    with pytest.raises(ModelInvalid, match=r"outputs are .*'mood'"):
        Session(bundle(renamed(tiny_model.graph(), "valence", "mood")), "cpu")
    with pytest.raises(ModelInvalid, match="outputs are"):  # one more than the card tells of
        Session(bundle(tiny_model.graph(), tiny_model.card(["genre", "music"])), "cpu")
    with pytest.raises(ModelInvalid, match="outputs are"):  # one less
        Session(bundle(tiny_model.graph(tiny_model.card(["genre"]))), "cpu")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (replace(CARD, window_frames=200), r"'logmel' is .* \(batch, 100, 16\), not .*200, 16\)"),
        (
            replace(CARD, heads=(replace(CARD.heads[0], labels=("a", "b")), *CARD.heads[1:])),
            r"'genre' is tensor\(float\) \(batch, 5\), not .*\(batch, 2\)",
        ),
        (replace(CARD, frontend=replace(FRONTEND, n_mels=8)), r"not .*\(batch, 100, 8\)"),
    ],
)
def test_shapes_agree_with_the_card(card: Card, message: str):
    with pytest.raises(ModelInvalid, match=message):
        Session(bundle(tiny_model.graph(), card), "cpu")


def test_types_agree_with_the_card():
    model = tiny_model.graph()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.node.insert(0, helper.make_node("Cast", ["logmel"], ["cast"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "cast"
    with pytest.raises(ModelInvalid, match=r"'logmel' is tensor\(double\)"):
        Session(bundle(model), "cpu")


def genre_model(*nodes: onnx.NodeProto, shape: tuple[str | int, ...]) -> Bundle:
    """Return a model whose one head is computed by these nodes, and which leaves the time open."""
    card = tiny_model.card(["genre"])
    model = tiny_model.graph(card)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "time"
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("genre", TensorProto.FLOAT, shape))
    return bundle(model, card)


def test_a_shape_that_only_running_shows_is_checked():
    mean = helper.make_node("ReduceMean", ["logmel"], ["genre"], axes=[2], keepdims=0)
    session = Session(genre_model(mean, shape=("batch", "time")), "cpu")
    with pytest.raises(ModelInvalid, match=r"'genre' has shape \(1, 100\), not \(1, 5\)"):
        session.run(windows(1))


def test_a_graph_that_fails_is_one_line_and_prints_nothing(capfd: pytest.CaptureFixture[str]):
    session = Session(
        genre_model(
            helper.make_node("Constant", [], ["shape"], value_ints=[-1, 7, 5]),
            helper.make_node("Reshape", ["logmel", "shape"], ["sevens"]),  # of 1600 numbers
            helper.make_node("ReduceMean", ["sevens"], ["genre"], axes=[1], keepdims=0),
            shape=("batch", 5),
        ),
        "cpu",
    )
    with pytest.raises(ModelInvalid) as caught:
        session.run(windows(1))
    assert str(caught.value).startswith("my.onnx: the network fails on its input (")
    assert str(caught.value).isprintable()
    assert capfd.readouterr() == ("", "")


def test_a_graph_that_onnxruntime_refuses_prints_nothing(capfd: pytest.CaptureFixture[str]):
    node = helper.make_node("NoSuchOperator", ["logmel"], ["genre"])
    with pytest.raises(ModelInvalid) as caught:
        Session(genre_model(node, shape=("batch", 5)), "cpu")
    assert str(caught.value).startswith("my.onnx: onnxruntime cannot open it (")
    assert str(caught.value).isprintable()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float):
    model = tiny_model.graph()
    for tensor in model.graph.initializer:
        if tensor.name == "genre.bias":
            tensor.CopyFrom(numpy_helper.from_array(np.full(5, value, np.float32), tensor.name))
    with pytest.raises(ModelInvalid, match="'genre' holds numbers that are not finite"):
        Session(bundle(model), "cpu").run(windows(1))


def test_values_outside_their_range_are_refused():
    model = tiny_model.graph()
    for node in model.graph.node:  # leave the sigmoid out
        if node.op_type == "Squeeze" and node.output[0] == "valence":
            node.input[0] = "valence.logits"
    with pytest.raises(ModelInvalid, match=r"'valence' ranges from .* not from 0 to 1"):
        Session(bundle(model), "cpu").run([np.full(WINDOW, 100, np.float32)])


def test_the_bytes_are_read_as_onnx_and_as_nothing_else():
    data = tiny_model.build()
    disguised = Bundle("my.onnx", data[:4] + b"ORTM" + data[8:], "", CARD)
    with pytest.raises(ModelInvalid, match="protobuf"):
        Session(disguised, "cpu")


def test_what_was_verified_is_what_runs(tmp_path: Path):
    path = tiny_model.write(tmp_path)
    verified = bundles.open(path)
    tiny_model.write(tmp_path, seed=1)
    batch = windows(1)
    outputs = Session(verified, "cpu").run(batch)
    np.testing.assert_allclose(
        outputs["genre"], expected(np.stack(batch), "genre"), rtol=1e-4, atol=1e-5
    )


# --- devices and threads


def test_the_provider_is_the_one_that_is_used():
    assert Session(bundle(), "cpu").provider == "CPUExecutionProvider"


@pytest.mark.skipif(HAS_CUDA, reason="this onnxruntime has CUDA")
def test_without_cuda_auto_is_the_cpu_and_cuda_an_error(capfd: pytest.CaptureFixture[str]):
    assert Session(bundle(), "auto").provider == "CPUExecutionProvider"
    with pytest.raises(DeviceUnavailable, match=r"^cuda: .*pip install onnxruntime-gpu"):
        Session(bundle(), "cuda")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not HAS_CUDA, reason="this onnxruntime has no CUDA")
def test_with_cuda_it_is_used_or_missed_aloud(capfd: pytest.CaptureFixture[str]):
    try:
        assert Session(bundle(), "cuda").provider == "CUDAExecutionProvider"
    except DeviceUnavailable as error:
        assert "onnxruntime-gpu" in str(error)  # noqa: PT017
    assert capfd.readouterr() == ("", "")


def test_an_unknown_device_names_the_known_ones():
    with pytest.raises(DeviceUnavailable, match=r"tpu: .*auto, cpu or cuda"):
        Session(bundle(), "tpu")


def test_threads_are_those_asked_for():
    options = Session(bundle(), "cpu", threads=3)._session.get_session_options()
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    with pytest.raises(ValueError, match="threads is 0"):
        Session(bundle(), "cpu", threads=0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes a machine of 16 CPUs with the given control-group files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


V1 = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "10000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, 16),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0\n"}, 16),
        # The tightest of the group and all that it lies in.
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            3,
        ),
        # The host's path, of which the container sees nothing but the mount.
        ({"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/cpu.max": "400000 100000"}, 4),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            16,
        ),
        # Another controller's group limits no CPUs.
        (
            {
                "proc/self/cgroup": "4:memory:/\n",
                "sys/fs/cgroup/memory/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/memory/cpu.cfs_period_us": "100000\n",
            },
            16,
        ),
    ],
)
def test_cpus_are_those_of_affinity_and_control_groups(machine, files: dict[str, str], cpus: int):
    assert available_cpus(machine(files)) == cpus


def test_affinity_counts_before_the_machine(machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert available_cpus(machine({})) == 1


def test_without_affinity_the_machines_cpus_count(machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cpus(machine({})) == 6


def test_this_process_has_a_cpu():
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("name", ["cnn.int8", "lstm.int8", "ast.int8"])
def test_a_window_is_judged_alike_whatever_is_run_beside_it(name: str) -> None:
    session = Session(bundles.open(name), "cpu", 1)
    rng = np.random.default_rng(0)
    loudness = (0.2, 3.0, 1.0, 0.5, 2.0)
    windows = [
        (each * rng.standard_normal(session.window_shape)).astype(np.float32) for each in loudness
    ]
    together = session.run(windows)
    for row, window in enumerate(windows):
        for head, values in session.run([window]).items():
            np.testing.assert_allclose(together[head][row], values[0], atol=1e-4)


def test_integer_products_are_exact_whatever_the_processor() -> None:
    """Products of uint8 and int8 overflow 16 bits on x86 without VNNI, unless that is minded."""
    shipped = bundles.open("ast.int8")
    model = onnx.load_from_string(shipped.data)
    nodes = []
    for node in model.graph.node:
        if node.op_type != "MatMulInteger":
            nodes.append(node)
            continue
        a, b, *zeros = node.input
        parts = [f"{node.output[0]}_{index}" for index in range(7)]
        for name, part in zip((a, b, *zeros), parts, strict=False):
            nodes.append(helper.make_node("Cast", [name], [part], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Sub", [parts[0], parts[2]], parts[4:5]))
        nodes.append(helper.make_node("Sub", [parts[1], parts[3]], parts[5:6]))
        nodes.append(helper.make_node("MatMul", parts[4:6], parts[6:]))
        nodes.append(helper.make_node("Cast", parts[6:], node.output, to=TensorProto.INT32))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    exact = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    session = Session(shipped, "cpu", 1)
    window = np.random.default_rng(0).standard_normal(session.window_shape).astype(np.float32)
    (expected,) = exact.run(["genre"], {"logmel": window[None]})
    np.testing.assert_allclose(session.run([window])["genre"], expected, atol=0.02)
