"""A network as an fp32 ONNX graph: fixed window, dynamic batch, folded norms, nothing unused."""

from __future__ import annotations

import copy
import io
import warnings

import onnx
import torch
from onnx import ModelProto
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from musicedge_training.architectures.heads import MultitaskNetwork

OPSET = 17
INPUT = "logmel"

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def to_onnx(network: MultitaskNetwork, *, window_frames: int, n_mels: int) -> ModelProto:
    """Return the network's graph: ``logmel`` (batch, time, n_mels) to one output a head.

    Parameters
    ----------
    network
        In any mode; it is not changed.
    window_frames, n_mels
        The fixed shape of a window; the batch size stays free.
    """
    names = [spec.name for spec in network.specs]
    module = _Tuple(fold_batch_norm(network), names).eval()
    example = torch.zeros(2, window_frames, n_mels)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            do_constant_folding=True,
            input_names=[INPUT],
            output_names=names,
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *names)},
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model, full_check=True)
    return model


def fold_batch_norm(network: MultitaskNetwork) -> MultitaskNetwork:
    """Return a copy, in evaluation mode, whose batch norms are folded into their convolutions."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            pair = module[index], module[index + 1]
            if isinstance(pair[0], nn.Conv1d | nn.Conv2d) and isinstance(pair[1], _NORMS):
                module[index] = fuse_conv_bn_eval(*pair)
                module[index + 1] = nn.Identity()
    return network


class _Tuple(nn.Module):
    """The network with its outputs in order, as the exporter wants them."""

    def __init__(self, network: MultitaskNetwork, names: list[str]) -> None:
        super().__init__()
        self._network = network
        self._names = names

    def forward(self, logmel: Tensor) -> tuple[Tensor, ...]:
        outputs = self._network(logmel)
        return tuple(outputs[name] for name in self._names)
