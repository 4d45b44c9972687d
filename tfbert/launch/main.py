"""tfbert VERB [--flags]: fine-tune BERT, evaluate, predict, export, serve. `tfbert VERB --help` lists the flags."""

import importlib
import os
import sys

VERBS = {
    "finetune": "train a task from a checkpoint",
    "evaluate": "metrics of a model on a labelled file",
    "predict": "answers to a file or standard input",
    "export": "write SavedModels, LiteRT and ONNX files",
    "serve": "serve SavedModels over gRPC and REST on this machine",
    "convert": "write a checkpoint in another format",
    "suite": "fine-tune several configs and write a table",
    "pretrain": "train an encoder on examples of raw text",
    "train-vocab": "write a WordPiece or byte-level BPE vocabulary from text files",
    "make-examples": "write pretraining examples from text files",
}

PREEMPTED = 42  # the code of TensorFlow's own preemption handler; a scheduler starts such a job again


def main() -> None:
    """The console script: one verb, whose module defines flags and a `main`."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help", "help"):
        print(__doc__, *(f"  {verb:15}{meaning}" for verb, meaning in VERBS.items()), sep="\n")
        sys.exit(0 if len(sys.argv) > 1 else 2)
    if sys.argv[1] not in VERBS:
        from tfbert.errors import did_you_mean

        hint = did_you_mean(sys.argv[1], VERBS)
        print(f"tfbert: there is no verb {sys.argv[1]!r}; the verbs are {', '.join(VERBS)}{hint}", file=sys.stderr)
        sys.exit(2)
    run(f"tfbert.launch.{sys.argv[1].replace('-', '_')}", [f"tfbert {sys.argv[1]}", *sys.argv[2:]])


def run(module_name: str, argv: list[str]) -> None:
    """Runs a launcher as an absl program.

    Exit codes: 2 for a user's error, in one line; 130 after ^C; 42 after SIGTERM, with the run saved.
    """
    # TensorFlow's C++ log reports CPU features and missing GPUs at every start.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from absl import app, flags, logging

    from tfbert.errors import Preempted, TfbertError
    from tfbert.launch import register_flag

    sys.path.append(os.getcwd())  # where a task of one's own is, --task=module:Class; a console script leaves it out
    sys.argv = argv  # where ml_collections looks for settings, once when the module defines its flags
    try:
        # A launcher imports what needs TensorFlow in its `main`: --help and a mistyped flag do not wait seconds for it.
        module = importlib.import_module(module_name)
    except TfbertError as error:  # a setting that the config does not have
        print(f"{argv[0]}: {error}", file=sys.stderr)
        sys.exit(2)

    if any(argument in ("-h", "--help", "-help") for argument in argv[1:]):
        helps = [flags.FLAGS.module_help(each) for each in (module, register_flag)]
        print(module.__doc__, *helps, sep="\n")
        sys.exit(0)

    def guarded(arguments):
        if len(arguments) > 1:
            raise app.UsageError(f"unknown argument {arguments[1]!r}; flags are --name=value")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TensorFlow logs each file that it writes
        try:
            register_flag.import_registered()
            return module.main(arguments)
        except TfbertError as error:
            print(f"{argv[0]}: {error}", file=sys.stderr)
            sys.exit(2)
        except Preempted:
            print(f"{argv[0]}: ended by SIGTERM", file=sys.stderr)
            sys.exit(PREEMPTED)
        except KeyboardInterrupt:
            print(f"{argv[0]}: interrupted", file=sys.stderr)
            sys.exit(130)
        except BrokenPipeError:  # `tfbert predict … | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:  # a full disk, a file without permission: the system's own words name it
            print(f"{argv[0]}: {error}", file=sys.stderr)
            sys.exit(1)

    def parsed(arguments):
        try:
            return flags.FLAGS(arguments)
        except flags.UnrecognizedFlagError as error:
            if hint := _setting_meant(error.flagname, getattr(module, "SETTINGS", ())):
                print(f"{argv[0]}: Unknown command line flag {error.flagname!r}{hint}", file=sys.stderr)
                sys.exit(1)
            return app.parse_flags_with_usage(arguments)  # which says what flag is near
        except flags.Error:
            return app.parse_flags_with_usage(arguments)

    app.run(guarded, argv, flags_parser=parsed)


def _setting_meant(flag, settings):
    """The end of a message about a flag that is none, but a setting of the config, or nearly; "" of another."""
    from absl import flags

    from tfbert.errors import nearest

    near = nearest(flag, [*settings, *flags.FLAGS])
    return f"; did you mean --config.{near}?" if near in settings and near not in flags.FLAGS else ""


if __name__ == "__main__":
    main()
