"""Runtime of an architecture on a platform: exact sum and differentiable model R(gates) (Eqs. 10-17)."""

from typing import Literal

import torch
from torch import Tensor, nn

from nas_worker.platform import Platform
from nas_worker.space import SEARCHABLE, Architecture

RuntimeForm = Literal["bilinear", "paper"]


def architecture_runtime_ms(platform: Platform, architecture: Architecture) -> float:
    """Runtime R of an architecture as the profile's own sum, in milliseconds."""
    return platform.convnet_ms(architecture)


class RuntimeModel(nn.Module):
    """Differentiable runtime R, in milliseconds, as a function of the gates of all searchable layers.

    With Eq. 17 the gate that says whether a layer has an SE path at all is that of w_0.25, as in Eq. 4; the
    printed equation names w_0.5 there.

    Args:
        platform: Whose table is used.
        form: ``bilinear`` meets the table at all four (kernel, expansion) corners; ``paper`` is Eqs. 12-13,
            which miss it at 3x3-3 by up to several percent.
    """

    layers_ms: Tensor
    interpolated_ms: Tensor
    interpolated_factors: Tensor

    def __init__(self, platform: Platform, form: RuntimeForm = "bilinear") -> None:
        super().__init__()
        self.base_ms = platform.base_ms
        self.form = form
        layers_ms, se_factors = (
            torch.tensor([table[layer] for layer in SEARCHABLE], dtype=torch.float64)
            for table in (platform.layers, platform.se_factors)
        )
        for name, table in (
            ("layers_ms", layers_ms),
            ("interpolated_ms", _interpolation(layers_ms)),
            ("interpolated_factors", _interpolation(se_factors)),
        ):
            self.register_buffer(name, table.float(), persistent=False)

    def forward(self, gates: Tensor) -> Tensor:
        """R (Eq. 11).

        Args:
            gates: 20 x 5, columns as in ``space.GATES``, values in [0, 1]. In layers that cannot be skipped
                the e3 gate is 1.

        Returns:
            Scalar, milliseconds.
        """
        k5, e3, e6, se25, _ = gates.unbind(1)
        terms = torch.stack([torch.ones_like(k5), e6, k5, k5 * e6], 1)
        if self.form == "bilinear":
            without_se = e3 * (terms * self.interpolated_ms).sum(1)
        else:
            without_se = self._paper(k5, e3, e6)
        se_factor = (terms * self.interpolated_factors).sum(1)  # Eqs. 15, 16 and between them e6
        return self.base_ms + (without_se * (1 + se25 * (se_factor - 1))).sum()  # Eqs. 17, 11

    def _paper(self, k5: Tensor, e3: Tensor, e6: Tensor) -> Tensor:
        _, r_36, r_53, r_56 = self.layers_ms.unbind(1)
        r_e = e3 * (r_53 + e6 * (r_56 - r_53))  # Eq. 12
        ratio = r_36 / r_56
        return ratio * r_e + (1 - ratio) * r_e * k5  # Eq. 13


def _interpolation(corners: Tensor) -> Tensor:
    """Coefficients (L x 4) of 1, e6, k5 and k5 * e6, so that their sum meets a table at its four corners.

    Args:
        corners: L x 4, columns as in ``platform.COLUMNS``.
    """
    at_33, at_36, at_53, at_56 = corners.unbind(1)
    return torch.stack([at_33, at_36 - at_33, at_53 - at_33, at_56 - at_53 - at_36 + at_33], 1)
