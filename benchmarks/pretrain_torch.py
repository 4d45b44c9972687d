"""A run of `tfbert pretrain` in PyTorch `transformers`: the same first weights, batches, masks, schedule and clipping.

python benchmarks/pretrain_torch_inputs.py …, then, in an environment that has PyTorch:

PYTHONPATH=. python benchmarks/pretrain_torch.py --inputs=DIR --config=configs/pretrain/small_books.py --out=torch.jsonl
"""

import argparse
import collections
import importlib.util
import json
import math
import pathlib
import time

import numpy as np
import torch
import transformers


def main():
    parser = argparse.ArgumentParser()
    for name in ("inputs", "config", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", action="append", default=[], help="NAME=NUMBER, another value of a setting")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--save", help="folder for the trained model")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    spec = importlib.util.spec_from_file_location("config", args.config)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    for name, value in (pair.split("=") for pair in args.set):
        config[name] = type(config[name])(float(value))
    torch.manual_seed(config.seed)
    folder = pathlib.Path(args.inputs)
    model = transformers.BertForPreTraining.from_pretrained(folder / "model")
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}

    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, config.beta_2),
        eps=config.epsilon,
        fused=True,
    )
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, round(config.warmup * config.steps), config.steps
    )

    def sums(part, rows):
        """Of the masked tokens and, where there are any, of the pairs: loss, right ones and number, summed."""
        batch = {
            name.removeprefix(part + "_"): torch.from_numpy(array[rows].astype(np.int64))
            for name, array in arrays.items()
            if name.startswith(part)
        }
        states = model.bert(batch["token_ids"], batch["padding_mask"], batch["segment_ids"])
        there = batch["masked_weights"] > 0
        row, _ = there.nonzero(as_tuple=True)
        # The masked tokens are gathered before the head, as a careful user of PyTorch would.
        logits = model.cls.predictions(states.last_hidden_state[row, batch["masked_positions"][there]])
        kinds = {"mlm": (logits, batch["masked_ids"][there])}
        if "pair_labels" in batch:
            kinds["nsp"] = (model.cls.seq_relationship(states.pooler_output), batch["pair_labels"][:, 0])
        return {
            kind: (
                torch.nn.functional.cross_entropy(logits, truth, reduction="sum"),
                (logits.argmax(-1) == truth).sum(),
                len(truth),
            )
            for kind, (logits, truth) in kinds.items()
        }

    def evaluate():
        model.eval()
        found = collections.defaultdict(lambda: np.zeros(3))
        with torch.no_grad():
            for begin in range(0, len(arrays["dev_token_ids"]), config.batch_size):
                for kind, values in sums("dev", slice(begin, begin + config.batch_size)).items():
                    found[kind] += [float(value) for value in values]
        model.train()
        shown = {}
        for kind, (loss, right, count) in found.items():
            shown.update({f"val_{kind}_loss": loss / count, f"val_{kind}_accuracy": right / count})
        return {**shown, "val_mlm_perplexity": math.exp(shown["val_mlm_loss"])}

    model.train()
    started = time.time()
    tokens = 0
    with open(args.out, "w", encoding="utf-8") as file:
        for step in range(1, config.steps + 1):
            rows = slice((step - 1) * config.batch_size, step * config.batch_size)
            loss = sum(loss / count for loss, _, count in sums("train", rows).values())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            tokens += int(arrays["train_padding_mask"][rows].sum())
            if step % config.evaluate_every and step != config.steps:
                continue
            seconds = time.time() - started
            line = {"step": step, "loss": loss.item(), "tokens_per_second": tokens / seconds, **evaluate()}
            print(line, flush=True)
            file.write(json.dumps(line) + "\n")
            tokens, started = 0, time.time()
    if args.save:
        model.save_pretrained(args.save)


if __name__ == "__main__":
    main()
