"""What the typed configurations of all runs share: checked keys and types, and a form for config files."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Self

import ml_collections

from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_known, check_not_negative, check_positive, checked

_OF = "the config"
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")


class RunConfig:
    """Mixin of a frozen dataclass of settings: a file in configs/ fills it, the run folder keeps it as JSON."""

    def check_numbers(self, positive: Iterable[str], not_negative: Iterable[str]) -> None:
        """Raises a ConfigError that names a setting out of its range.

        Args:
            positive, not_negative: names of the settings that must be so.
        """
        check_positive(self, *positive)
        check_not_negative(self, *not_negative)
        if self.warmup > 1:
            raise ConfigError(f"warmup is a share of the steps, at most 1, not {self.warmup}")
        check_choice(self, "dtype", DTYPES)

    def require(self, *names: str) -> Self:
        """The config itself. Raises a ConfigError that names those settings that are empty."""
        empty = [name for name in names if not getattr(self, name)]
        if empty:
            raise ConfigError(f"give {', '.join('--' + name for name in empty)}, or set it in the config")
        return self

    def to_dict(self) -> dict[str, Any]:
        """All settings; `from_dict` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The config with these settings, the others at their defaults.

        Raises:
            ConfigError: an unknown setting, with the nearest name, or a value of another type.
        """
        return cls(**checked(cls, values, _OF))


def config_file(config_class: type[RunConfig], **changes: Any) -> ml_collections.ConfigDict:
    """All settings with their defaults, for a config file to change. Other keys are refused."""
    values = config_class().to_dict()
    for key in changes:
        check_known(key, values, _OF)
    config = ml_collections.ConfigDict({**values, **changes})
    free = [name for name, value in values.items() if isinstance(value, dict)]
    for name in free:
        config[name] = ml_collections.ConfigDict({**values[name], **changes.get(name, {})})
    config.lock()
    for name in free:
        config[name].unlock()  # the task or the encoder checks what they hold
    return config
