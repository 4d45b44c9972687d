"""Settings that people write, in configs, calls and flags: one checker of their names, types and ranges."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

from tfbert.errors import ConfigError, did_you_mean

_NAMES = {int: "an integer", float: "a number", bool: "true or false", str: "a text", dict: "a dict"}
_NAMES_OF_SEVERAL = {int: "integers", float: "numbers", str: "texts"}


def checked(settings_class: type, values: Mapping[str, Any], of: str, *, without: Collection[str] = ()) -> dict:
    """The values as the fields of a dataclass have them: a list becomes a tuple, and an integer a float, where asked.

    Args:
        settings_class: the dataclass.
        values: {name: value}, of some or all fields.
        of: whose settings they are, for messages.
        without: fields that are no settings.

    Raises:
        ConfigError: a name that is no field (with the nearest field), or a value of another type.

    >>> @dataclasses.dataclass
    ... class Run:
    ...     epochs: int = 3
    ...     learning_rate: float = 2e-5
    >>> checked(Run, {"learning_rate": 1}, "the run")
    {'learning_rate': 1.0}
    """
    kinds = {name: kind for name, kind in _types(settings_class).items() if name not in without}
    for name in values:
        check_known(name, kinds, of)
    return {name: _typed(name, value, kinds[name], of) for name, value in values.items()}


def check_types(settings: Any, of: str, *, without: Collection[str] = ()) -> None:
    """Raises ConfigError if a field of a dataclass instance holds a value of another type."""
    for name, kind in _types(type(settings)).items():
        if name not in without:
            _typed(name, getattr(settings, name), kind, of)


def check_known(name: str, known: Collection[str], of: str) -> None:
    """Raises ConfigError, with the nearest name, if `name` is not one of the known settings."""
    if name not in known:
        hint = did_you_mean(name, known) or f"; the settings are {', '.join(known)}"
        raise ConfigError(f"{of} has no setting {name!r}{hint}")


def check_positive(settings: Any, *names: str) -> None:
    """Raises ConfigError if one of these attributes is 0 or less."""
    for name in names:
        if not getattr(settings, name) > 0:
            raise ConfigError(f"{name} must be positive, not {getattr(settings, name)}")


def check_not_negative(settings: Any, *names: str) -> None:
    """Raises ConfigError if one of these attributes is below 0."""
    for name in names:
        if not getattr(settings, name) >= 0:
            raise ConfigError(f"{name} must not be negative, but is {getattr(settings, name)}")


def check_choice(settings: Any, name: str, known: Collection[str]) -> None:
    """Raises ConfigError if the attribute is none of the known values."""
    value = getattr(settings, name)
    if value not in known:
        raise ConfigError(f"{name} {value!r} is not one of {', '.join(known)}{did_you_mean(value, known)}")


def _types(settings_class: type) -> dict[str, Any]:
    """{field: its type}, also where the module of the class keeps annotations as strings."""
    found = {}
    for field in dataclasses.fields(settings_class):
        kind = field.type
        if isinstance(kind, str):
            owner = next(one for one in settings_class.__mro__ if field.name in vars(one).get("__annotations__", {}))
            try:
                kind = eval(kind, dict(vars(sys.modules[owner.__module__])))
            except NameError:  # imported for type checkers alone, as a tokenizer may be: nothing is known of it
                kind = object
        found[field.name] = kind
    return found


def _typed(name: str, value: Any, kind: Any, of: str) -> Any:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        options = typing.get_args(kind)
        if value is None and type(None) in options:
            return None
        kinds = [option for option in options if option is not type(None)]
        kind = next((option for option in kinds if _fits(value, option)), kinds[0])
    if typing.get_origin(kind) is tuple:
        return _tuple(name, value, typing.get_args(kind)[0], of)
    if not _fits(value, kind):
        raise ConfigError(f"{name} of {of} must be {_NAMES.get(kind, getattr(kind, '__name__', kind))}, not {value!r}")
    if kind is dict:  # JSON has no tuples
        return {key: tuple(part) if isinstance(part, list) else part for key, part in value.items()}
    try:
        return float(value) if kind is float else value
    except OverflowError:
        raise ConfigError(f"{name} of {of} is an integer that no number of 64 bits holds") from None


def _tuple(name: str, value: Any, kind: Any, of: str) -> tuple:
    wanted = _NAMES_OF_SEVERAL.get(kind, getattr(kind, "__name__", kind))
    if not isinstance(value, (tuple, list)):
        raise ConfigError(f"{name} of {of} must be a list of {wanted}, not {value!r}")
    for part in value:
        if not _fits(part, kind):
            raise ConfigError(f"{name} of {of} must be {wanted}, not {part!r}")
    return tuple(float(part) if kind is float else part for part in value)


def _fits(value: Any, kind: Any) -> bool:
    if kind is dict:
        return isinstance(value, Mapping)
    fits = isinstance(value, int | float if kind is float else kind) if isinstance(kind, type) else True
    return fits and (kind in (bool, object) or not isinstance(value, bool))
