"""Converts a program of `spnas export -o net.pt2` to LiteRT (.tflite), and checks it against torch.

litert-torch wants an older typing-extensions than this project's pydantic, so it gets an environment of
its own, where this project is not needed:

    python -m venv .litert && .litert/bin/pip install torch==2.13.0 litert-torch==0.10.0
    .litert/bin/python examples/tflite.py net.pt2 net.tflite
"""

import argparse
from pathlib import Path

import litert_torch
import torch
from ai_edge_litert.interpreter import Interpreter

TOLERANCE = 1e-4


def largest_difference(file: Path, images: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest absolute difference between the file's logits and the expected ones."""
    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images.numpy())
    interpreter.invoke()
    found = torch.from_numpy(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return (found - expected).abs().max().item()


def main() -> None:
    """Converts, writes and checks; exits with an error when a logit differs by more than the tolerance."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program", type=Path, help="written by spnas export")
    parser.add_argument("output", type=Path, help="file to write, .tflite")
    files = parser.parse_args()
    program = torch.export.load(files.program)
    (like,), _ = program.example_inputs
    images = torch.randn(like.shape, generator=torch.Generator().manual_seed(0))
    module = program.module()
    litert_torch.convert(module, (images,)).export(str(files.output))
    with torch.no_grad():
        difference = largest_difference(files.output, images, module(images))
    print(f"{files.output}: max abs difference from torch {difference:.2g}")  # noqa: T201 - a script's output
    if not difference <= TOLERANCE:
        parser.exit(1, f"that is more than {TOLERANCE:g}\n")


if __name__ == "__main__":
    main()
