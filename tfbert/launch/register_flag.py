"""The flag that every command has: modules of a user's own, which register tasks, families and formats."""

from __future__ import annotations

import importlib

from absl import flags

_REGISTER = flags.DEFINE_list(
    "register", [], "Modules to import first, which call tfbert.register: --register=mine.family,mine.task"
)


def import_registered() -> None:
    """Imports the modules. Raises ConfigError: there is none of such a name."""
    from tfbert.errors import ConfigError

    for name in _REGISTER.value:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"--register={name} cannot be imported ({error}): run the command in the folder of "
                f"{name.partition('.')[0]}, or put that folder on PYTHONPATH"
            ) from error


def arguments() -> list[str]:
    """The flag as it was given, for a command that this one starts."""
    return [f"--register={','.join(_REGISTER.value)}"] if _REGISTER.value else []
