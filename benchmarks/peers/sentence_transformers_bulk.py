"""File of texts -> file of vectors by sentence-transformers: CHECKPOINT DATA OUT."""

import json
import pathlib
import sys

import sentence_transformers


def main():
    checkpoint, data, out = sys.argv[1:]
    texts = pathlib.Path(data).read_text(encoding="utf-8").splitlines()
    model = sentence_transformers.SentenceTransformer(checkpoint, device="cpu")
    vectors = model.encode(texts, show_progress_bar=False)
    with open(out, "w", encoding="utf-8") as file:
        for text, vector in zip(texts, vectors, strict=True):
            file.write(json.dumps({"text": text, "embedding": vector.tolist()}) + "\n")


if __name__ == "__main__":
    main()
