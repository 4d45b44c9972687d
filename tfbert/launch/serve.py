"""Serves a model folder over gRPC on this machine, with TF Serving's API; ^C stops it:

tfbert serve --model=served/mine --grpc_port=8500
"""

import signal

from absl import app, flags

from tfbert.serving.server import Server

_MODEL = flags.DEFINE_string("model", None, "Folder with numbered versions of a SavedModel.", required=True)
_MODEL_NAME = flags.DEFINE_string("model_name", None, "Name that clients ask for; the folder's unless given.")
_GRPC_PORT = flags.DEFINE_integer("grpc_port", 8500, "Port; 0 takes a free one.", 0, 65535)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 for all of this machine's.")
_WORKERS = flags.DEFINE_integer("workers", None, "Predictions computed at once; one a CPU unless given.", 1)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]!r}")
    # SIGTERM as ^C: both end the wait below, also while the model is loading.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` leaves it ignored
    try:
        with Server(
            _MODEL.value,
            model_name=_MODEL_NAME.value,
            host=_HOST.value,
            port=_GRPC_PORT.value,
            workers=_WORKERS.value,
        ) as server:
            print(
                f"serving {server.model_name} version {server.version} on {server.address} (^C stops it)",
                flush=True,
            )
            server.wait()
    except KeyboardInterrupt:
        pass
