"""The network as an ONNX file that OpenCV reads; the same network gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from pipeline.errors import DataError
from pipeline.verifier import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

_OPSET, _IR = 13, 8  # old enough for every OpenCV that the project allows


def onnx_bytes(convolutions: Sequence[nn.Conv2d]) -> bytes:
    """Convolutions with a ReLU between each two, of pictures [n, 3, h, w] of any size."""
    nodes, weights, flowing = [], [], "windows"
    for place, convolution in enumerate(convolutions):
        assert convolution.bias is not None
        names = f"weight_{place}", f"bias_{place}"
        for name, values in zip(names, (convolution.weight, convolution.bias), strict=True):
            weights.append(numpy_helper.from_array(values.detach().numpy(), name))
        is_last = place == len(convolutions) - 1
        out = "outputs" if is_last else f"sum_{place}"
        sides, strides = list(convolution.kernel_size), list(convolution.stride)
        inputs = [flowing, *names]
        nodes.append(helper.make_node("Conv", inputs, [out], pads=[0] * 4, kernel_shape=sides, strides=strides))
        flowing = out
        if not is_last:
            flowing = f"layer_{place}"
            nodes.append(helper.make_node("Relu", [out], [flowing]))
    takes = helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["n", 3, "height", "width"])
    gives = helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", "channels", "rows", "columns"])
    graph = helper.make_graph(nodes, "verifier", [takes], [gives], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="anime-data")
    model.ir_version = _IR
    content: bytes = model.SerializeToString(deterministic=True)
    assert len(content) <= MAX_BYTES
    return content


def read_onnx(path: Path) -> list[nn.Conv2d]:
    """The convolutions of a file that `onnx_bytes` made, and that OpenCV can read.

    Raises:
        DataError: it is another file.
    """
    try:
        graph = onnx.load_from_string(path.read_bytes()).graph
        arrays = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
        strides = [
            next(int(attribute.ints[0]) for attribute in node.attribute if attribute.name == "strides")
            for node in graph.node
            if node.op_type == "Conv"
        ]
        return [_convolution(arrays[f"weight_{n}"], arrays[f"bias_{n}"], stride) for n, stride in enumerate(strides)]
    except (KeyError, StopIteration):
        raise DataError(
            f"expected a verifier in {path}, as `anime-data train-verifier` writes it, found another thing"
        ) from None


@torch.no_grad()
def _convolution(weight: Tensor, bias: Tensor, stride: int) -> nn.Conv2d:
    channels, before, side, _ = weight.shape
    convolution = nn.Conv2d(before, channels, side, stride)
    convolution.weight.copy_(weight)
    assert convolution.bias is not None
    convolution.bias.copy_(bias)
    return convolution
