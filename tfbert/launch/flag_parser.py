"""Flags of the launchers, with `--config.settings.NAME=VALUE` for dicts whose keys the config does not fix."""

import ast
import contextlib
import re
import sys
import traceback

# A setting of a setting: the task's, a column's name, the encoder's.
_INNER = re.compile(r"--?config\.(\w+)\.(\w+)=(.*)", re.DOTALL)


def split_inner(argv):
    """Arguments without those that set a setting's setting, which ml_collections would refuse, and those."""
    inner = [match.groups() for match in map(_INNER.fullmatch, argv) if match]
    return [argument for argument in argv if not _INNER.fullmatch(argument)], inner


def parse_flags(argv, inner):
    """As `app.parse_flags_with_usage`; then the config gets the `inner` settings."""
    from absl import app, flags

    with told_in_one_line(argv[0]):
        try:
            rest = flags.FLAGS(argv)
        except flags.Error as error:
            if refusal := _refusal(error):
                print(f"{argv[0]}: {refusal}", file=sys.stderr)
                sys.exit(2)
            rest = app.parse_flags_with_usage(argv)  # prints the error and exits
        if inner and "config" not in flags.FLAGS:
            print(f"{argv[0]} has no --config", file=sys.stderr)
            sys.exit(2)
        if inner:
            _set_inner(flags.FLAGS.config, inner, argv[0])
    return rest


def config_of(program, arguments):
    """The config that a launcher with these arguments, --config=FILE and --config.NAME=VALUE, would have."""
    from absl import flags
    from ml_collections import config_flags

    from tfbert.errors import ConfigError

    argv, inner = split_inner([program, *arguments])
    values = flags.FlagValues()
    with told_in_one_line(program):
        config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=argv)
        try:
            values(argv)
        except flags.Error as error:
            raise ConfigError(str(_refusal(error) or error)) from None
        _set_inner(values.config, inner, program)
    return values.config


def _refusal(error):
    """The error that a config file raised itself, which ml_collections and absl wrap in a traceback, or None."""
    from tfbert.errors import TfbertError

    refusal = None
    while error is not None:
        refusal = error if isinstance(error, TfbertError) else refusal
        error = error.__context__
    return refusal


def _set_inner(config, inner, program):
    for name, key, text in inner:
        values = config[name]
        if not hasattr(values, "to_dict"):
            _exit(program, f"{name}.{key}")
        values[key] = _value(text)


@contextlib.contextmanager
def told_in_one_line(program):
    """A setting that the config does not have is the user's error: one line, exit code 2."""
    try:
        yield
    except (AttributeError, KeyError) as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if not frame.f_globals["__name__"].startswith("ml_collections"):
            raise
        known = error if isinstance(error, KeyError) else error.__context__ or error
        name, *hint = str(known.args[0]).splitlines()
        _exit(program, name.strip("\"'"), *hint)


def _exit(program, *said):
    print(f"{program}: --config has no setting", *said, file=sys.stderr)
    sys.exit(2)


def _value(text):
    """A Python literal, true or false in small letters too; any other text is itself."""
    try:
        return ast.literal_eval(text.capitalize() if text in ("true", "false") else text)
    except (SyntaxError, ValueError):
        return text
