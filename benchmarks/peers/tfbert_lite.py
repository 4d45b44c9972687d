"""tfbert's LiteRT file: strings in, vectors out. Settings: file, threads."""

import encoders
import numpy as np
import protocol


def open_(settings):
    from tfbert.export import lite

    signatures = lite.open_file(settings["file"], settings["threads"])
    of_strings, of_ids = signatures["serving_default"], signatures[lite.IDS]

    def encode(texts):
        return of_strings({"text": np.array([text.encode() for text in texts], object)})["embedding"]

    return encoders.begin(encode, lambda ids: of_ids(encoders.features(ids))["embedding"])


if __name__ == "__main__":
    protocol.run(open_)
