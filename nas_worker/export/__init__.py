"""An architecture and its ConvNet in the forms that other programs read: JSON, block strings, ONNX, SVG."""
