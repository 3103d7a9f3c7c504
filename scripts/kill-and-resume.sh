#!/usr/bin/env bash
# Stops runs at random moments (while they step, learn, evaluate, write checkpoints, and in the last 100 episodes) by SIGKILL and
# by every signal that asks to stop, and resumes them: every one must end in the bytes of a run that was never stopped (final
# weights, evaluations.npz; progress.csv and monitor.csv without their time columns), nothing may be left behind, and whoever asks
# to stop waits for two seconds at most.
# usage: scripts/kill-and-resume.sh [TIMES] [SEED] [KINDS] [SIGNALS], such as 20 1 recurrent KILL
set -euo pipefail
cd "$(dirname "$0")/.."
times=${1:-20}
RANDOM=${2:-1}
read -ra kinds <<<"${3:-window recurrent members highway}"
read -ra signals <<<"${4:-KILL INT TERM HUP USR1 USR2 XCPU}"
program=$PWD/.build/release/mamba-dqn
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
often="--set checkpointInterval=97 --set evaluationInterval=450 --set evaluationEpisodes=8 --set logInterval=100"
window="LunarLander-v3 --preset paper --steps 3000 --set learningStarts=300 --set windowLength=6 --set hiddenSize=32 --set modelSize=32
  --set stateSize=16"
recurrent="RepeatPreviousEasy --steps 6000 --set actors=8 --set sequenceStart=anywhere --set latents=state --set sequenceLength=32
  --set sequenceOverlap=16 --set replayCapacity=4096 --set batchSize=4 --set modelSize=16 --set headHidden=16 --set learningStarts=300"
members="LunarLander-v3 --preset fast --steps 4000 --set members=3 --set latents=none --set hiddenSize=32 --set modelSize=32 --set learningStarts=300
  --set nStep=3"
highway="highway-fast-v0 --steps 1500 --set members=2 --set hiddenSize=32 --set modelSize=32 --set stateSize=8 --set learningStarts=300"
train() { # KIND FOLDER, in a subshell: it becomes the program, so that its process number is the program's
  exec env PATH=/nowhere "$program" train ${!1} $often --seed 3 --out "$2" >/dev/null 2>"$2.err"
}
bytes() { scripts/run-digest.sh "$1"; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

for kind in "${kinds[@]}"; do
  start=$(milliseconds)
  (train $kind "$folder/$kind")
  declare "length_$kind=$(($(milliseconds) - start))" "expected_$kind=$(bytes "$folder/$kind")"
  length=length_$kind
  echo "$kind: ${!length} ms undisturbed"
done
same=0 stopped=0 slowest=0
for number in $(seq "$times"); do
  kind=${kinds[$((number % ${#kinds[@]}))]}
  signal=${signals[$((RANDOM % ${#signals[@]}))]}
  length=length_$kind expected=expected_$kind run=$folder/$number
  (train $kind "$run") & pid=$!
  sleep "$((RANDOM * ${!length} / 32768))e-3"
  start=$(milliseconds) status=0
  kill -$signal $pid 2>/dev/null || true
  wait $pid 2>/dev/null || status=$?
  waited=$(($(milliseconds) - start))
  # A shell has 128 and the signal's number of a program that it ended; ours says the same of one that it obeyed.
  if ((status == 128 + $(kill -l $signal))); then stopped=$((stopped + 1)); fi
  if [ $signal != KILL ] && ((waited > slowest)); then slowest=$waited; fi
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
  echo "$number: $kind, $signal after the log's step ${step:-0}: status $status after $waited ms, $verdict"
  rm -rf "$run" "$run.err"
done
echo "$same of $times resumed to identical bytes; $stopped were stopped, the others had ended; the slowest stop took $slowest ms"
[ "$same" = "$times" ] && ((slowest <= 2000))
