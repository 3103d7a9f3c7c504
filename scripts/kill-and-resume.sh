#!/usr/bin/env bash
# Stops runs at random moments, evaluations and the writing of checkpoints included, by SIGKILL and by every signal that asks to
# stop, and resumes them: every one must end in the bytes of a run that was never stopped (final weights, evaluations.npz;
# progress.csv and monitor.csv without their time columns), and nothing may be left behind. Every other run is recurrent, with 8
# actors. usage: scripts/kill-and-resume.sh [TIMES] [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
times=${1:-20}
RANDOM=${2:-1}
program=$PWD/.build/release/mamba-dqn
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
signals=(KILL INT TERM HUP USR1 USR2 XCPU)
often="--set checkpointInterval=97 --set evaluationInterval=450 --set evaluationEpisodes=8 --set logInterval=100"
window="LunarLander-v3 --preset paper --steps 3000 --set learningStarts=300 --set windowLength=6 --set hiddenSize=32 --set modelSize=32
  --set stateSize=16"
recurrent="RepeatPreviousEasy --steps 6000 --set actors=8 --set sequenceStart=anywhere --set latents=state --set sequenceLength=32
  --set sequenceOverlap=16 --set replayCapacity=4096 --set batchSize=4 --set modelSize=16 --set headHidden=16 --set learningStarts=300"
train() { # KIND FOLDER, in a subshell: it becomes the program, so that its process number is the program's
  exec env PATH=/nowhere "$program" train ${!1} $often --seed 3 --out "$2" >/dev/null 2>"$2.err"
}
bytes() {
  cat "$1/model.safetensors" "$1/evaluations.npz" <(cut -d, -f1-12 "$1/progress.csv") \
    <(cut -d, -f1-2 "$1/monitor.csv" | tail -n +2) | sha256sum
}

for kind in window recurrent; do
  start=$(date +%s%N)
  (train $kind "$folder/$kind")
  declare "milliseconds_$kind=$((($(date +%s%N) - start) / 1000000))" "expected_$kind=$(bytes "$folder/$kind")"
done
same=0
for number in $(seq "$times"); do
  if ((number % 2)); then kind=window; else kind=recurrent; fi
  signal=${signals[$((RANDOM % ${#signals[@]}))]}
  length=milliseconds_$kind expected=expected_$kind run=$folder/$number
  train $kind "$run" & pid=$!
  sleep "$((RANDOM * ${!length} / 32768))e-3"
  kill -$signal $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  step=$(tail -n 1 "$run/progress.csv" 2>/dev/null | cut -d, -f1 || true)
  if [ -f "$run/config.json" ]; then
    env PATH=/nowhere "$program" resume "$run" >/dev/null 2>>"$run.err" || true
  else
    rm -rf "$run"
    (train $kind "$run")
  fi
  left=$(find "$run" -name '*.partial' -o -name .lock)
  if [ "$(bytes "$run")" = "${!expected}" ] && [ -z "$left" ]; then same=$((same + 1)) verdict=identical
  else verdict="DIFFERENT $left $(tail -n 1 "$run.err")"; fi
  echo "$number: $kind, $signal after the log's step ${step:-0}: $verdict"
  rm -rf "$run" "$run.err"
done
echo "$same of $times resumed to identical bytes"
[ "$same" = "$times" ]
