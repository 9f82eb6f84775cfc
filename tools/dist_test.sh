#!/usr/bin/env bash
# Evaluate on several GPUs, or in several processes on the CPU: tools/dist_test.sh CONFIG CHECKPOINT NUM [options]
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 CONFIG CHECKPOINT NUM [options of test.py]" >&2; exit 2; }
config=$1 checkpoint=$2 num=$3; shift 3
here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "${PYTHON:-python}" "$here/launch.py" --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" --nproc-per-node="$num" \
    "$here/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
