"""Doors to rooms above, for methods that users expect of a class below, such as `Encoder.from_checkpoint`.

Imports point down. `tfbert/__init__.py` is above all rooms and runs before any of them: it sets `room`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

room: Callable[[str], ModuleType]  # "checkpoints" -> the module tfbert.checkpoints
