"""A network of this package as an ONNX model, with the operators that torch's own exporter writes for it.

A profile needs hundreds of small models. The exporter takes seconds for each; following the traced calls
takes milliseconds, and the network is still defined in one place only.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, fx, nn

from nas_worker.blocks import DepthwiseConv2d

OPSET = 18
_IR_VERSION = 10
"""What ONNX 1.17 wrote; runtimes refuse models that are newer than they are."""

INPUT, OUTPUT = "input", "output"


def onnx_model(network: nn.Module, input_shape: Sequence[int]) -> bytes:
    """The model of a network in eval mode.

    Args:
        network: Made of the layers of this package.
        input_shape: N x C x H x W, fixed in the model.

    Raises:
        NotImplementedError: The network calls something that has no translation here.
    """
    graph = _Graph(network)
    for node in _Tracer().trace(network).nodes:
        graph.add(node)
    value = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [value(INPUT, TensorProto.FLOAT, input_shape)],
            [value(OUTPUT, TensorProto.FLOAT, None)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    content: bytes = model.SerializeToString()
    return content


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """The depthwise convolution is one operator here, whatever it does inside for small maps."""
        return isinstance(m, DepthwiseConv2d) or super().is_leaf_module(m, module_qualified_name)


class _Graph:
    """Nodes and constants of a model that is being written.

    Args:
        network: Whose modules the traced nodes name.
    """

    def __init__(self, network: nn.Module) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._network = network

    def add(self, node: fx.Node) -> None:
        """Adds the operators of a traced call."""
        match node.op:
            case "placeholder":
                self._write("Identity", [INPUT], node.name)
            case "output":
                self._write("Identity", [str(node.args[0])], OUTPUT)
            case "call_module":
                self._module(node, self._network.get_submodule(str(node.target)))
            case _ if node.target in _FUNCTIONS:
                self._write(_FUNCTIONS[node.target], [str(argument) for argument in node.args], node.name)
            case _ if node.target == "mean" and node.args[1:] == ((2, 3),):
                axes = self._constant(f"{node.name}.axes", torch.tensor([2, 3]))
                self._write("ReduceMean", [str(node.args[0]), axes], node.name, keepdims=0)
            case _ if node.target is operator.getitem and node.args[1] == _TO_MAPS:
                axes = self._constant(f"{node.name}.axes", torch.tensor([2, 3]))
                self._write("Unsqueeze", [str(node.args[0]), axes], node.name)
            case _:
                raise NotImplementedError(f"no ONNX operator for {node.format_node()}")

    def _module(self, node: fx.Node, module: nn.Module) -> None:
        def tensors(*names: str) -> list[str]:
            return [self._constant(f"{node.name}.{name}", getattr(module, name)) for name in names]

        source = str(node.args[0])
        match module:
            case nn.Conv2d(bias=None):
                self._write(
                    "Conv",
                    [source, *tensors("weight")],
                    node.name,
                    kernel_shape=module.kernel_size,
                    strides=module.stride,
                    pads=[int(padding) for padding in module.padding] * 2,
                    group=module.groups,
                )
            case nn.BatchNorm2d():
                names = tensors("weight", "bias", "running_mean", "running_var")
                self._write("BatchNormalization", [source, *names], node.name, epsilon=module.eps)
            case nn.Linear():
                self._write("Gemm", [source, *tensors("weight", "bias")], node.name, transB=1)
            case nn.Identity():
                self._write("Identity", [source], node.name)
            case _:
                raise NotImplementedError(f"no ONNX operator for {module}")

    def _constant(self, name: str, tensor: Tensor) -> str:
        self.constants.append(numpy_helper.from_array(tensor.detach().cpu().numpy(), name))
        return name

    def _write(self, operator_: str, sources: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator_, sources, [output], name=output, **attributes))


_FUNCTIONS: dict[Callable[..., Any] | str, str] = {
    torch.relu_: "Relu",
    torch.sigmoid: "Sigmoid",
    operator.mul: "Mul",
    operator.add: "Add",
}
_TO_MAPS = (slice(None), slice(None), None, None)
