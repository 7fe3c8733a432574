"""Trains Mask R-CNN with FPN on a ConvNet of this project (Table III of the paper).

Instances come from a COCO annotation file, or are drawn (``--shapes``: discs and rectangles) to see that all
of it works. Polygons are read; crowds, which COCO stores run-length encoded, are left out. No weights are
downloaded: the backbone starts with those of ``spnas train`` at 64 pixels or more, or with random ones.

    pip install 'spnas-tuner[detection]'
    spnas train net.json --dataset imagefolder:PATH --image-size 224 --out run
    python examples/mask_rcnn.py run/net.json --weights run/weights.pt \
        --images train2017 --annotations annotations/instances_train2017.json
    python examples/mask_rcnn.py net.json --shapes 64 --size 128 --epochs 2

torchvision must be built for the torch that is installed. The one on PyPI (0.28.0) is built for PyPI's CUDA
build of torch 2.13.0: beside a CPU build its operators do not load ("operator torchvision::nms does not
exist"). Such a machine needs an environment of its own, in which this script runs from the repository's root:

    python -m venv .detection && .detection/bin/pip install torch==2.14.1 torchvision==0.29.1 pydantic
    PYTHONPATH=. .detection/bin/python examples/mask_rcnn.py net.json --shapes 16 --size 64 --epochs 4

So it has run on a CPU (loss 6.1, then 1.7 in the fourth epoch); on COCO not yet.
"""

import argparse
import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from nas_worker.convnet import ConvNet
from nas_worker.export.document import ArchitectureDocument
from nas_worker.export.weights import convnet_of_state, fresh_convnet
from nas_worker.features import FeatureMaps
from nas_worker.space import MacroArchitecture

_FPN_CHANNELS = 256
_SMALLEST_IMAGE = 64
Example = tuple[Tensor, dict[str, Tensor]]


class Backbone(nn.Module):
    """Feature maps of a ConvNet through a feature pyramid, as torchvision's detectors take them.

    BatchNorm keeps its statistics: batches of two images would spoil them.
    """

    def __init__(self, convnet: ConvNet) -> None:
        super().__init__()
        self.maps = FeatureMaps(convnet)
        self.pyramid = FeaturePyramidNetwork(
            list(self.maps.channels.values()), _FPN_CHANNELS, extra_blocks=LastLevelMaxPool()
        )
        self.out_channels = _FPN_CHANNELS

    def train(self, mode: bool = True) -> "Backbone":
        """Puts all but BatchNorm into training mode."""
        super().train(mode)
        self.maps.eval()
        return self

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """N x 3 x H x W -> maps of strides 4, 8, 16, 32 and 64, named 0, 1, 2, 3 and pool."""
        maps = self.maps(images).values()
        pyramid: dict[str, Tensor] = self.pyramid(
            OrderedDict((str(level), map_) for level, map_ in enumerate(maps))
        )
        return pyramid


class CocoInstances:
    """Images with the instances of a COCO annotation file; images without any are left out."""

    def __init__(self, images: Path, annotations: Path) -> None:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        self._folder = images
        self._files = {image["id"]: image["file_name"] for image in content["images"]}
        labels = {category["id"]: label for label, category in enumerate(content["categories"], start=1)}
        self.classes = len(labels) + 1  # 0 is the background
        self._instances: dict[int, list[tuple[int, list[list[float]]]]] = {}
        for annotation in content["annotations"]:
            if not annotation.get("iscrowd"):
                found = labels[annotation["category_id"]], annotation["segmentation"]
                self._instances.setdefault(annotation["image_id"], []).append(found)
        self._ids = sorted(self._instances)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._ids)

    def __getitem__(self, index: int) -> Example:
        """An image, 3 x H x W in [0, 1], and its boxes, labels and masks."""
        image_id = self._ids[index]
        with Image.open(self._folder / self._files[image_id]) as image:
            colour = image.convert("RGB")
        masks, labels = [], []
        for label, polygons in self._instances[image_id]:
            mask = Image.new("1", colour.size)
            for polygon in polygons:
                ImageDraw.Draw(mask).polygon(polygon, fill=1)
            masks.append(np.asarray(mask))
            labels.append(label)
        return _example(np.asarray(colour), masks, labels)


class Shapes:
    """Images with one to three discs (class 1) and rectangles (class 2) on noise."""

    classes = 3

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size

    def __len__(self) -> int:
        """Number of images."""
        return self._count

    def __getitem__(self, index: int) -> Example:
        """An image, 3 x H x W in [0, 1], and its boxes, labels and masks."""
        random = np.random.default_rng(index)
        size = self._size
        canvas = random.integers(0, 80, (size, size, 3), dtype=np.uint8)
        masks, labels = [], []
        for _ in range(random.integers(1, 4)):
            side = int(random.integers(size // 6, size // 3))
            left, top = random.integers(0, size - side, 2).tolist()
            label = int(random.integers(1, 3))
            mask = Image.new("1", (size, size))
            draw = ImageDraw.Draw(mask).ellipse if label == 1 else ImageDraw.Draw(mask).rectangle
            draw((left, top, left + side, top + side), fill=1)
            masks.append(np.asarray(mask))
            labels.append(label)
            canvas[masks[-1]] = random.integers(120, 256, 3)
        return _example(canvas, masks, labels)


def _example(image: Any, masks: Sequence[Any], labels: Sequence[int]) -> Example:
    kept = [(mask, label) for mask, label in zip(masks, labels, strict=True) if min(_extent(mask)) > 0]
    boxes = [_box(mask) for mask, _ in kept]
    target = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor([label for _, label in kept], dtype=torch.int64),
        "masks": torch.from_numpy(np.array([mask for mask, _ in kept], np.uint8)).reshape(
            -1, *image.shape[:2]
        ),
    }
    return torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255, target


def _extent(mask: Any) -> tuple[int, int]:
    left, top, right, bottom = _box(mask) if mask.any() else (0, 0, 0, 0)
    return right - left, bottom - top


def _box(mask: Any) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def backbone_network(path: Path, weights: Path | None) -> ConvNet:
    """The ConvNet of a document, for colour images."""
    document = ArchitectureDocument.from_json(path.read_text(encoding="utf-8"))
    if weights is not None:
        return convnet_of_state(weights, document.macro, document.layers)
    size = max(_SMALLEST_IMAGE, document.image_size)
    return fresh_convnet(
        MacroArchitecture(document.width, size, 3, document.classes), document.layers, seed=0
    )


def normalisation(weights: Path | None) -> dict[str, list[float]]:
    """By what the training of the weights normalised images; without, what torchvision normalises by."""
    if weights is None:
        return {}
    report = json.loads((weights.parent / "report.json").read_text(encoding="utf-8"))
    return {"image_mean": report["mean"], "image_std": report["scale"]}


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("document", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--annotations", type=Path)
    parser.add_argument("--shapes", type=int, metavar="N", help="draw so many images instead")
    parser.add_argument("--size", type=int, default=800, help="shorter side of the images in pixels")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=0.0025)
    parser.add_argument("--out", type=Path, default=Path("mask_rcnn.pt"))
    arguments = parser.parse_args()
    if (arguments.shapes is None) == (arguments.images is None or arguments.annotations is None):
        parser.error("give --images and --annotations, or --shapes")
    examples = (
        CocoInstances(arguments.images, arguments.annotations)
        if arguments.shapes is None
        else Shapes(arguments.shapes, arguments.size)
    )
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = Backbone(backbone_network(arguments.document, arguments.weights))
    model = MaskRCNN(
        backbone,
        examples.classes,
        min_size=arguments.size,
        max_size=2 * arguments.size,
        **normalisation(arguments.weights),
    )
    model.to(device).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=arguments.learning_rate, momentum=0.9, weight_decay=1e-4)
    for epoch in range(1, arguments.epochs + 1):
        order = torch.randperm(len(examples)).tolist()
        losses = []
        for start in range(0, len(order) - arguments.batch_size + 1, arguments.batch_size):
            batch = [examples[index] for index in order[start : start + arguments.batch_size]]
            images = [image.to(device) for image, _ in batch]
            targets = [{name: value.to(device) for name, value in target.items()} for _, target in batch]
            loss = sum(model(images, targets).values(), torch.zeros((), device=device))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 10.0)
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}/{arguments.epochs}: loss {np.mean(losses):.3f}", flush=True)  # noqa: T201 - likewise
    torch.save(model.state_dict(), arguments.out)
    print(f"wrote {arguments.out}")  # noqa: T201 - a script's output


if __name__ == "__main__":
    main()
