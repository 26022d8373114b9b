"""onnxruntime's quantiser: kept quiet, and tidied up after."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from onnx import ModelProto


@contextmanager
def quiet_root_logger() -> Iterator[None]:
    """Keep the quantiser's warnings of every float node, which go to the root logger, silent.

    And take away the handlers that parts of it put there.
    """
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers = handlers


def tidied(model: ModelProto) -> ModelProto:
    """Take out what the quantiser leaves: domains that are not used, shapes of values between."""
    del model.graph.value_info[:]
    used = {node.domain for node in model.graph.node}
    unused = [each for each in model.opset_import if each.domain not in used]
    for each in unused:
        model.opset_import.remove(each)
    return model
