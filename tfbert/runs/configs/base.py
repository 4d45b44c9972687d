"""What the typed configurations of all runs share: checked keys and types, and a form for config files."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import ml_collections

from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_known, check_not_negative, check_positive, checked

_OF = "the config"
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")


class RunConfig:
    """Mixin of a frozen dataclass of settings: a file in configs/ fills it, the run folder keeps it as JSON."""

    warmup: float
    dtype: str

    def check_numbers(self, positive: Sequence[str], not_negative: Sequence[str]) -> None:
        """Raises a ConfigError that names a setting out of its range."""
        check_positive(self, *positive)
        check_not_negative(self, *not_negative)
        if self.warmup > 1:
            raise ConfigError(f"warmup is a share of the steps, at most 1, not {self.warmup}")
        check_choice(self, "dtype", DTYPES)

    def require(self, *names: str) -> Self:
        """Raises a ConfigError that names the settings that are still empty."""
        empty = [name for name in names if not getattr(self, name)]
        if empty:
            raise ConfigError(f"give {', '.join('--' + name for name in empty)}, or set it in the config")
        return self

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values, which `from_dict` reads back."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]  # each subclass is a dataclass

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Checks each key and type; an unknown key's error names the nearest."""
        return cls(**checked(cls, values, _OF))


def config_file(config_class: type[RunConfig], **changes: Any) -> ml_collections.ConfigDict:
    """All settings with their defaults, for a config file to change; it knows no other keys."""
    values = config_class().to_dict()
    for key in changes:
        check_known(key, values, _OF)
    config = ml_collections.ConfigDict({**values, **changes})
    free = [name for name, value in values.items() if isinstance(value, dict)]
    for name in free:
        config[name] = ml_collections.ConfigDict({**values[name], **changes.get(name, {})})
    config.lock()
    for name in free:
        config[name].unlock()  # what they may hold is checked by who reads it
    return config
