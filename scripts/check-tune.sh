#!/usr/bin/env bash
# scripts/tune.py as people use it: killed and started again, with trials that fail, with wrong input, and two processes on one
# PostgreSQL server, which goes away in the middle. Needs `make tune`'s Python and, as root, Debian's postgresql.
# usage: scripts/check-tune.sh
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python program=$PWD/.build/release/mamba-dqn
postgres=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -x "$postgres/initdb" ] || { echo "error: please install, as root: apt-get install postgresql" >&2; exit 1; }
folder=$(mktemp -d)
chmod 755 "$folder"
server() { runuser -u postgres -- "$postgres/pg_ctl" -D "$folder/database" -w "$@" >/dev/null; }
trap 'server stop -m immediate 2>/dev/null || true; rm -rf "$folder"' EXIT
small="--preset fast --steps 3000 --n-startup-trials 2 --n-evaluations 5 --eval-episodes 2 --final-seeds 0
  --set learningStarts=200 --set hiddenSize=16"
tune() { # NAME OPTION…, in the foreground of whoever calls it
  local name=$1; shift
  exec "$python" scripts/tune.py highway-fast-v0 $small --study-name "$name" --out "$folder/$name" "$@"
}
bad=0
check() { # WHAT CONDITION…
  local what=$1; shift
  if "$@"; then echo "ok: $what"; else echo "FAILED: $what"; bad=$((bad + 1)); fi
}
fails() { # WHAT STATUS LINE COMMAND…: one line on standard error
  local what=$1 status=$2 line=$3 found=0; shift 3
  ("$@") >"$folder/output" 2>"$folder/error" || found=$?
  check "$what: $(head -c 200 "$folder/error")" \
    eval "[ $found = $status ] && [ \$(wc -l < '$folder/error') = 1 ] && grep -qF -- '$line' '$folder/error'"
}
states() { # URL NAME: such as COMPLETE COMPLETE PRUNED
  "$python" - "$1" "$2" <<'END'
import optuna, sys
optuna.logging.set_verbosity(optuna.logging.ERROR)
print(*sorted(one.state.name + ("" if "error" in one.user_attrs or one.state.name != "FAIL" else "-CUT")
              for one in optuna.load_study(storage=sys.argv[1], study_name=sys.argv[2]).trials))
END
}

# 1. Killed in the middle of a trial, and started again.
tune killed --n-jobs 1 --max-total-trials 4 >"$folder/killed.out" 2>&1 & pid=$!
until [ -e "$folder/killed/trial-1/checkpoints" ]; do sleep 0.01; done
kill -KILL $pid; wait $pid 2>/dev/null || true
sleep 1
check "a trial ends with whoever started it" eval "! pgrep -f '$folder/killed/trial' >/dev/null"
sleep 62 # the heartbeat's patience
(tune killed --n-jobs 1 --max-total-trials 4) >"$folder/killed.again" 2>&1
found=$(states "sqlite:///$folder/killed/study.db" killed)
check "it went on to four trials: $found" [ "$(tr ' ' '\n' <<< "$found" | grep -cE 'COMPLETE|PRUNED')" = 4 ]
command=$(sed "s|--out [^ ]*|--out $folder/straight|" "$folder/killed/trial-1/command.txt")
(cd "$folder"; PATH=$(dirname "$program"):$PATH bash -c "$command" >/dev/null 2>&1)
check "and ended in the bytes of a run that was never stopped" cmp "$folder/straight/model.safetensors" "$folder/killed/trial-1/model.safetensors"
check "the winner is a preset" eval \
  "'$program' train highway-fast-v0 --preset '$folder/killed/winner.yaml' --steps 300 --out '$folder/winner' >/dev/null 2>&1"

# 2. Trials that fail do not end the study.
printf 'hiddenSize: [0, 16]\nentities: [0, 5]\nmodelSize: [16, 32]\n' > "$folder/failing.yaml"
(exec "$python" scripts/tune.py highway-fast-v0 --preset paper --set encoder=dqn --steps 600 --sampler random --pruner none --final-seeds 0 --n-evaluations 1 \
  --study-name failing --out "$folder/failing" --space "$folder/failing.yaml" --n-trials 12) >"$folder/failing.out" 2>&1 || cat "$folder/failing.out"
check "some trials failed, others did not: $(tail -n 3 "$folder/failing.out" | head -n 1)" \
  eval "grep -q 'failed: entities=5: at least two are read' '$folder/failing.out' && grep -q '^12 trials' '$folder/failing.out'"

# 3. Wrong input.
printf 'learningRate: {low: 1e-4, high: 1e-3}\nmodelsize: [8]\n' > "$folder/typo.yaml"
printf 'learningRate: {low: 1e-4, high: 10}\n' > "$folder/range.yaml"
fails "an unknown setting" 1 "typo.yaml:2: modelsize: unknown setting; did you mean modelSize?" tune typo --space "$folder/typo.yaml"
fails "a value out of its range" 1 "range.yaml:1: learningRate=10: learningRate must be" tune range --space "$folder/range.yaml"
fails "another space" 64 "--study-name killed: is in use" tune killed --space "$folder/failing.yaml"
fails "an unknown environment" 64 "did you mean highway-fast-v0?" "$python" scripts/tune.py highway-fst-v0
fails "a storage that is away" 1 "--storage postgresql://nobody@127.0.0.1:1/nothing: connection failed: connection to server" \
  tune away --storage postgresql://nobody@127.0.0.1:1/nothing
fails "a storage that is none" 64 "--storage: must be sqlite:///FILE or postgresql://" tune none --storage nonsense

# 4. Two processes on one PostgreSQL, which goes away.
install -d -o postgres "$folder/database"
runuser -u postgres -- "$postgres/initdb" -D "$folder/database" -A trust >/dev/null
server start -o "-p 15432 -h 127.0.0.1 -k $folder/database" -l "$folder/database/log"
url=postgresql://postgres@127.0.0.1:15432/postgres
both() { # TOTAL
  for one in a b; do
    ("$python" scripts/tune.py highway-fast-v0 $small --study-name shared --storage $url --out "$folder/shared-$one" --n-jobs 1 \
      --max-total-trials "$1" >"$folder/shared-$one.out" 2>"$folder/shared-$one.err") & pids[${#pids[@]}]=$!
  done
}
pids=(); both 6; wait "${pids[@]}" || cat "$folder"/shared-*.err
a=$(grep -c '^trial' "$folder/shared-a.out") b=$(grep -c '^trial' "$folder/shared-b.out")
found=$(states $url shared)
check "two processes shared the trials: $a and $b; $found" eval "[ $a -gt 0 ] && [ $b -gt 0 ] && [ $((a + b)) -le 7 ]"
pids=(); both 30
until [ "$(ls "$folder"/shared-*/trial-*.log | wc -l)" -gt 8 ]; do sleep 0.1; done
server stop -m immediate
wait "${pids[@]}" || true
for one in a b; do
  check "the server is gone: $(head -c 150 "$folder/shared-$one.err")" \
    eval "[ \$(wc -l < '$folder/shared-$one.err') = 1 ] && grep -q 'went away' '$folder/shared-$one.err'"
done
server start -o "-p 15432 -h 127.0.0.1 -k $folder/database" -l "$folder/database/log"
pids=(); both 12; wait "${pids[@]}"
check "once it is back the study goes on: $(states $url shared)" grep -q '^trial' "$folder/shared-a.out"
[ $bad = 0 ] || { echo "$bad checks failed"; exit 1; }
echo "all checks passed"
