"""What may compute in place of a model's network. W rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class StandIn(Protocol):
    """Computes what a network would: features {name: int32 [W, …]} to outputs {name: float32 [W, …]}.

    Attributes:
        identity: what its outputs depend on, such as a file's hash.
    """

    identity: str

    def __call__(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a batch."""
