"""The recipe of `tfbert finetune` for a two-column classification file, in PyTorch `transformers`.

The peer of benchmarks/RESULTS.md: the same weights, batches in the same order, dropout, AdamW, warm-up,
decay and clipping. Runs in an environment of its own (PyTorch is no dependency of tfbert):

    pip install torch==2.13.0 transformers safetensors scikit-learn
    PYTHONPATH=. python benchmarks/finetune_torch.py --checkpoint=DIR --train=train.tsv.gz --dev=dev.tsv --seed=0
"""

import argparse
import csv
import gzip
import json
import time

import numpy as np
import torch
import transformers

from tfbert.data.order import batches_of_epoch


def read(path):
    open_ = gzip.open if path.endswith(".gz") else open
    with open_(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["sentence"] for row in rows], np.array([int(row["label"]) for row in rows])


def main():
    parser = argparse.ArgumentParser()
    for name in ("checkpoint", "train", "dev"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--learning_rate", type=float, default=5e-5)
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--max_steps", type=int, default=0, help="stop early, for a throughput figure")
    parser.add_argument("--random_batches", action="store_true", help="dynamic padding only, no length buckets")
    parser.add_argument("--evaluate_every", type=int, default=0, help="steps; the best on dev is kept; 0: the last")
    parser.add_argument("--test", help="a labelled file for the kept weights")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    tokenizer = transformers.BertTokenizerFast.from_pretrained(args.checkpoint)
    model = transformers.BertForSequenceClassification.from_pretrained(args.checkpoint, num_labels=2)
    texts, labels = read(args.train)
    encoded = tokenizer(texts, truncation=True, max_length=args.max_length)["input_ids"]
    lengths = [len(ids) for ids in encoded]

    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=args.learning_rate,
        fused=True,
    )
    total = args.epochs * -(-len(texts) // args.batch_size)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, round(0.1 * total), total)

    def accuracy(path):
        model.eval()
        texts, labels = read(path)
        right = 0
        with torch.no_grad():
            for i in range(0, len(texts), 64):
                batch = tokenizer(
                    texts[i : i + 64],
                    truncation=True,
                    max_length=args.max_length,
                    padding=True,
                    return_tensors="pt",
                )
                right += int((model(**batch).logits.argmax(-1).numpy() == labels[i : i + 64]).sum())
        model.train()
        return right / len(texts)

    model.train()
    step, tokens, evaluating, best, kept, started = 0, 0, 0.0, 0.0, None, time.time()
    for epoch in range(args.epochs):
        batches = batches_of_epoch(
            np.ones(len(texts)) if args.random_batches else lengths,
            args.batch_size,
            seed=args.seed,
            epoch=epoch,
        )
        for rows in batches:
            batch = tokenizer.pad({"input_ids": [encoded[i] for i in rows]}, return_tensors="pt")
            loss = model(**batch, labels=torch.from_numpy(labels[rows])).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            tokens += sum(lengths[i] for i in rows)
            step += 1
            if step % 200 == 0:
                print(f"step {step}/{total} loss {loss.item():.4f} {time.time() - started:.0f}s", flush=True)
            if args.evaluate_every and (step % args.evaluate_every == 0 or step == total):
                began = time.time()
                value = accuracy(args.dev)
                if value > best:
                    best, kept = value, {name: tensor.clone() for name, tensor in model.state_dict().items()}
                evaluating += time.time() - began
            if step == args.max_steps:
                break
    seconds = time.time() - started - evaluating

    if kept is not None:
        model.load_state_dict(kept)
    print(
        json.dumps(
            {
                "framework": f"transformers {transformers.__version__}, torch {torch.__version__}",
                "seed": args.seed,
                "accuracy": accuracy(args.dev),
                **({"test": accuracy(args.test)} if args.test else {}),
                "seconds": round(seconds, 1),
                "examples_per_second": round(step * args.batch_size / seconds, 1),
                "tokens_per_second": round(tokens / seconds),
            }
        )
    )


if __name__ == "__main__":
    main()
