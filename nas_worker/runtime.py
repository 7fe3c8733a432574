"""Runtime of an architecture on a platform: exact sum and differentiable model R(gates) (Eqs. 10-17)."""

from typing import Literal

import torch
from torch import Tensor, nn

from nas_worker.platform import COLUMNS, Platform
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
    se_factors: Tensor

    def __init__(self, platform: Platform, form: RuntimeForm = "bilinear") -> None:
        super().__init__()
        self.base_ms = platform.base_ms
        self.form = form
        for name, table in (("layers_ms", platform.layers), ("se_factors", platform.se_factors)):
            rows = torch.tensor([table[layer] for layer in SEARCHABLE])
            self.register_buffer(name, rows, persistent=False)

    def forward(self, gates: Tensor) -> Tensor:
        """R (Eq. 11).

        Args:
            gates: 20 x 5, columns as in ``space.GATES``, values in [0, 1]. In layers that cannot be skipped
                the e3 gate is 1.

        Returns:
            Scalar, milliseconds.
        """
        k5, e3, e6, se25, _ = gates.unbind(1)
        without_se = self._bilinear(k5, e3, e6) if self.form == "bilinear" else self._paper(k5, e3, e6)
        s_33, s_36, s_53, s_56 = self._columns(self.se_factors)
        s_e6 = k5 * s_56 + (1 - k5) * s_36  # Eq. 15
        s_e3 = k5 * s_53 + (1 - k5) * s_33  # Eq. 16
        with_se = (e6 * s_e6 + (1 - e6) * s_e3) * without_se
        return self.base_ms + ((1 - se25) * without_se + se25 * with_se).sum()  # Eqs. 17, 11

    def _bilinear(self, k5: Tensor, e3: Tensor, e6: Tensor) -> Tensor:
        r_33, r_36, r_53, r_56 = self._columns(self.layers_ms)
        return e3 * ((1 - k5) * (r_33 + e6 * (r_36 - r_33)) + k5 * (r_53 + e6 * (r_56 - r_53)))

    def _paper(self, k5: Tensor, e3: Tensor, e6: Tensor) -> Tensor:
        _, r_36, r_53, r_56 = self._columns(self.layers_ms)
        r_e = e3 * (r_53 + e6 * (r_56 - r_53))  # Eq. 12
        ratio = r_36 / r_56
        return ratio * r_e + (1 - ratio) * r_e * k5  # Eq. 13

    @staticmethod
    def _columns(table: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        assert table.shape[1] == len(COLUMNS)
        r_33, r_36, r_53, r_56 = table.unbind(1)
        return r_33, r_36, r_53, r_56
