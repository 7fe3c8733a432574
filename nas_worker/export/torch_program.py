"""A ConvNet as a torch.export program: converters read it in an environment without this project."""

from pathlib import Path

import torch

from nas_worker.convnet import ConvNet
from nas_worker.export.onnx_file import frozen_copy, random_images


def write_program(convnet: ConvNet, path: Path) -> None:
    """Writes a program for a batch of one image; ``torch.export.load(path).module()`` runs it.

    Args:
        convnet: Its weights and BatchNorm statistics are used as in evaluation; it is not changed.
        path: File to write, with the suffix ``.pt2``.
    """
    program = torch.export.export(frozen_copy(convnet), (random_images(convnet, 1),))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # holds this machine's paths
    partial = path.with_name(f".partial-{path.name}")
    torch.export.save(program, partial)
    partial.replace(path)
