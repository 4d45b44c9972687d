"""What the typed configurations of all runs share: checked keys and types, and a form for config files."""

import dataclasses
import difflib

import ml_collections

from tfbert.errors import ConfigError

DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")


class RunConfig:
    """Mixin of a frozen dataclass of settings: a file in configs/ fills it, the run folder keeps it as JSON."""

    def check_numbers(self, positive, not_negative):
        """Raises a ConfigError that names a setting out of its range."""
        for name in positive:
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}")
        for name in not_negative:
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, but is {getattr(self, name)}")
        if self.warmup > 1:
            raise ConfigError(f"warmup is a share of the steps, at most 1, not {self.warmup}")
        if self.dtype not in DTYPES:
            raise ConfigError(f"dtype {self.dtype!r} is not {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")

    def require(self, *names):
        """Raises a ConfigError that names the settings that are still empty."""
        empty = [name for name in names if not getattr(self, name)]
        if empty:
            raise ConfigError(f"give {', '.join('--' + name for name in empty)}, or set it in the config")
        return self

    def to_dict(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Checks each key and type; an unknown key's error names the nearest."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        checked = {}
        for key, value in dict(values).items():
            if key not in fields:
                raise unknown_key(key, fields)
            checked[key] = _typed(key, value, fields[key].type)
        return cls(**checked)


def config_file(config_class, **changes):
    """All settings with their defaults, for a config file to change; it knows no other keys."""
    values = config_class().to_dict()
    for key in changes:
        if key not in values:
            raise unknown_key(key, values)
    config = ml_collections.ConfigDict({**values, **changes})
    free = [name for name, value in values.items() if isinstance(value, dict)]
    for name in free:
        config[name] = ml_collections.ConfigDict({**values[name], **changes.get(name, {})})
    config.lock()
    for name in free:
        config[name].unlock()  # what they may hold is checked by who reads it
    return config


def unknown_key(key, known):
    """The error for a setting that does not exist."""
    near = difflib.get_close_matches(key, list(known), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(known)}"
    return ConfigError(f"unknown setting {key!r}; {hint}")


def _typed(key, value, kind):
    if kind == tuple[str, ...]:
        if isinstance(value, str) or not all(isinstance(part, str) for part in value):
            raise ConfigError(f"{key} must be a tuple of names, not {value!r}")
        return tuple(value)
    if kind is dict:
        return {name: tuple(part) if isinstance(part, list) else part for name, part in dict(value).items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{key} must be {kind.__name__}, not {value!r}")
    return value
