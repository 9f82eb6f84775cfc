#!/usr/bin/env bash
# Train on several GPUs, or in several processes on the CPU: tools/dist_train.sh CONFIG NUM [train.py's options]
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 CONFIG NUM [options of train.py]" >&2; exit 2; }
config=$1 num=$2; shift 2
here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "${PYTHON:-python}" -m torch.distributed.run --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" --nproc-per-node="$num" \
    "$here/train.py" "$config" --launcher pytorch "$@"
