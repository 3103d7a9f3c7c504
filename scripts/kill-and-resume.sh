#!/usr/bin/env bash
# Kills a run with SIGKILL at random moments and resumes it: every one must end in the bytes of a run that was never
# stopped (final weights; progress.csv without its time columns). usage: scripts/kill-and-resume.sh [TIMES] [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
times=${1:-20}
RANDOM=${2:-1}
program=.build/release/mamba-dqn
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
train() { # in a subshell: it becomes the program, so that its process number is the program's
  exec "$program" train LunarLander-v3 --preset paper --seed 3 --steps 6000 --out "$1" --set learningStarts=300 --set windowLength=6 \
    --set hiddenSize=32 --set modelSize=32 --set stateSize=16 --set checkpointInterval=700 --set evaluationInterval=900 \
    --set logInterval=100 >/dev/null 2>&1
}
bytes() { cat "$1/model.safetensors" <(cut -d, -f1-12 "$1/progress.csv") <(cut -d, -f1-2 "$1/monitor.csv" | tail -n +2) | sha256sum; }

start=$(date +%s%N)
(train "$folder/straight")
milliseconds=$((($(date +%s%N) - start) / 1000000))
expected=$(bytes "$folder/straight")
same=0
for number in $(seq "$times"); do
  run=$folder/$number
  train "$run" & pid=$!
  sleep "$((RANDOM * milliseconds / 32768))e-3"
  kill -KILL $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  step=$(tail -n 1 "$run/progress.csv" 2>/dev/null | cut -d, -f1 || true)
  if [ -f "$run/config.json" ]; then "$program" resume "$run" >/dev/null 2>&1; else rm -rf "$run"; (train "$run"); fi
  if [ "$(bytes "$run")" = "$expected" ]; then same=$((same + 1)); verdict=identical; else verdict=DIFFERENT; fi
  echo "$number: killed after the log's step ${step:-0}: $verdict"
done
echo "$same of $times resumed to identical bytes"
[ "$same" = "$times" ]
