#!/usr/bin/env bash
# Train on several GPUs, or in several processes on the CPU:
#   tools/dist_train.sh CONFIG NUM [--max-restarts N] [train.py's options]
# --max-restarts N: start all processes again, up to N times, when one has ended; they resume from the last checkpoint.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 CONFIG NUM [--max-restarts N] [options of train.py]" >&2; exit 2; }
config=$1 num=$2; shift 2
restarts=0 options=()
while [ $# -gt 0 ]; do
    case $1 in
        --max-restarts) [ $# -ge 2 ] || { echo "$0: --max-restarts needs a number" >&2; exit 2; }
            restarts=$2; shift 2 ;;
        --max-restarts=*) restarts=${1#*=}; shift ;;
        *) options+=("$1"); shift ;;
    esac
done
[[ $restarts =~ ^[0-9]+$ ]] || { echo "$0: --max-restarts $restarts is not a number" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "${PYTHON:-python}" "$here/launch.py" --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" --nproc-per-node="$num" \
    --max-restarts="$restarts" "$here/train.py" "$config" --launcher pytorch ${options[@]+"${options[@]}"}
