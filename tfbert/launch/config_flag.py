"""The flag --config: a config file, and --config.NAME=VALUE for its settings and for settings of those."""

from __future__ import annotations

import sys

import ml_collections
from absl import flags
from ml_collections import config_flags

from tfbert.errors import ConfigError, TfbertError
from tfbert.settings import check_known


def define_config(default: str, help_text: str) -> flags.FlagHolder:
    """Defines the flag. Raises ConfigError for a setting on the command line that the config does not have.

    Args:
        default: the config file that is read where none is named.
    """
    _check_names(sys.argv, default)
    return _define(flags.FLAGS, default, help_text, None)


def config_of(arguments: list[str]) -> ml_collections.ConfigDict:
    """The config that a launcher with the arguments --config=FILE and --config.NAME=VALUE would have."""
    argv = [sys.argv[0], *arguments]
    _check_names(argv, None)
    values = flags.FlagValues()
    _define(values, None, "", argv)
    try:
        values(argv)
    except flags.Error as error:
        raise ConfigError(str(error)) from None
    return values.config


def _define(values, default, help_text, argv):
    # What the config does not have is refused above. New keys are those of its dicts, which tasks and encoders check.
    return config_flags.DEFINE_config_file(
        "config", default, help_text, values, lock_config=False, accept_new_attributes=True, sys_argv=argv
    )


def _check_names(argv, default):
    """Raises ConfigError for a name that the config does not have, in the config file or on the command line."""
    named = flags.FlagValues()
    flags.DEFINE_string("config", default, "", flag_values=named)
    named(argv, known_only=True)
    config = _read(named.config, argv) if named.config is not None else None
    if not isinstance(config, ml_collections.ConfigDict):
        return  # no file is named, or there is none of the name, which absl reports
    for argument in argv[1:]:
        flag, _, path = argument.partition("=")[0].lstrip("-").partition(".")
        if flag not in ("config", "noconfig") or not path:
            continue
        name, *inner = path.split(".")
        check_known(name, config, "the config")
        if inner and not isinstance(config[name], ml_collections.ConfigDict):
            raise ConfigError(f"the config has no setting {path}: {name} is {config[name]!r}")


def _read(path, argv):
    """The config in a file, as it is without the command line; a TfbertError that the file raises is as it was."""
    values = flags.FlagValues()
    try:
        _define(values, path, "", argv[:1])
    except AttributeError as error:
        if not isinstance(error.args[0], KeyError):  # which is how a locked ConfigDict says that it has no such key
            raise
        message = str(error.args[0].args[0])
        what, hint = message.partition(" Other fields present")[0], message.splitlines()[-1]
        raise ConfigError(f"{path}: {what} {hint}") from None
    except (flags.Error, TypeError, ValueError) as error:
        causes = [error]  # ml_collections and absl each put a message of their own around what the file raises
        while causes[-1].__context__ is not None:
            causes.append(causes[-1].__context__)
        raise next((cause for cause in reversed(causes) if isinstance(cause, TfbertError)), error) from None
    return values["config"].value
