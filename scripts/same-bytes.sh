#!/usr/bin/env bash
# Whether the published runs still end in the bytes of an earlier commit: builds BASE beside the working tree and compares
# weights, progress.csv without its time columns and monitor.csv without t of short `paper` runs, for every published network,
# environment and number of threads. On one machine only: OpenBLAS takes another kernel on another processor.
# usage: scripts/same-bytes.sh BASE [NETWORK…]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: scripts/same-bytes.sh BASE [NETWORK…]" >&2; exit 64; }
base=$(git rev-parse --short "$1^{commit}")
shift
# The same kernels for both, whatever each would choose by itself.
export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-Haswell}
networks=${*:-dqn lstm transformer mamba}
tree=.build-same-bytes/$base
flags="-c release --explicit-target-dependency-import-check error --product mamba-dqn"

if [ ! -x "$tree/.build/release/mamba-dqn" ]; then
  rm -rf "$tree"
  git worktree prune
  git worktree add --quiet --detach "$tree" "$base"
  (cd "$tree" && swift build $flags >/dev/null)
fi
swift build $flags >/dev/null

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
run() { # PROGRAM FOLDER ENVIRONMENT NETWORK THREADS
  "$1" train "$3" --preset paper --seed 5 --steps 420 --out "$2" --set encoder="$4" --set threads="$5" --set learningStarts=220 \
    --set evaluationInterval=300 --set evaluationEpisodes=2 --set logInterval=50 >/dev/null 2>&1
}
bytes() { # weights, and the columns of the first commit that do not depend on the clock
  sha256sum < "$1/model.safetensors"
  cut -d, -f1-12 "$1/progress.csv" | sha256sum
  cut -d, -f1-2 "$1/monitor.csv" | tail -n +2 | sha256sum
}
different=0
for environment in LunarLander-v3 highway-fast-v0; do
  for network in $networks; do
    for threads in 1 2; do
      name=$environment-$network-$threads
      run "$tree/.build/release/mamba-dqn" "$folder/base-$name" $environment $network $threads
      run .build/release/mamba-dqn "$folder/now-$name" $environment $network $threads
      if [ "$(bytes "$folder/base-$name")" = "$(bytes "$folder/now-$name")" ]; then verdict=same; else
        verdict=DIFFERENT
        different=$((different + 1))
      fi
      echo "$environment $network threads=$threads: $verdict"
    done
  done
done
echo "$different of $(($(wc -w <<< "$networks") * 4)) runs differ from $base"
[ "$different" = 0 ]
