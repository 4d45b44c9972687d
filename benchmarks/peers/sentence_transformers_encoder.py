"""`SentenceTransformer.encode` of all texts at once, which it sorts itself. Settings: checkpoint, threads."""

import protocol


def open_(settings):
    import sentence_transformers
    import torch

    torch.set_num_threads(settings["threads"])
    model = sentence_transformers.SentenceTransformer(settings["checkpoint"], device="cpu")
    return lambda task: lambda: model.encode(task["texts"], batch_size=task["batch"], show_progress_bar=False)


if __name__ == "__main__":
    protocol.run(open_)
