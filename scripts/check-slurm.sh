#!/usr/bin/env bash
# `study slurm` on a real Slurm: controller, two nodes and munge on this machine, as root, from Debian's slurm-wlm. Every task is
# told of its limit and requeued at least twice, one node is drained in the middle, and all must end in the bytes of a run without
# Slurm. Five to ten minutes. usage: scripts/check-slurm.sh
set -euo pipefail
cd "$(dirname "$0")/.."
program=$PWD/.build/release/mamba-dqn scripts=$PWD/scripts
for command in slurmctld slurmd munged; do
  command -v $command >/dev/null || { echo "error: no $command; please install, as root: apt-get install slurm-wlm munge" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "error: Slurm's daemons are started as root" >&2; exit 1; }
folder=$(mktemp -d)
chmod 755 "$folder"
cd "$folder"
host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf
cleanup() {
  scancel --user root 2>/dev/null || true
  for file in "$folder"/*.pid; do [ -e "$file" ] && kill "$(cat "$file")" 2>/dev/null || true; done
  sleep 1
  rm -rf "$folder"
}
trap cleanup EXIT

head -c 1024 /dev/urandom > munge.key
chmod 400 munge.key
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munge.pid" \
  --log-file="$folder/munge.log" --seed-file="$folder/munge.seed" 2>/dev/null
# A requeued task waits for its credential to expire; a minute is the shortest limit there is.
cat > slurm.conf <<END
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmdSpoolDir=$folder/spool.%n
StateSaveLocation=$folder/state
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.%n.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=5
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=1 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 CPUs=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
mkdir state spool.n1 spool.n2
slurmctld -f slurm.conf -c
slurmd -N n1 -f "$SLURM_CONF"
slurmd -N n2 -f "$SLURM_CONF"
until [ "$(sinfo -h -N -t idle | wc -l)" = 2 ]; do sleep 1; done

cat > check.yaml <<END
name: check
environment: highway-fast-v0
preset: paper
models: [mamba, lstm]
settings: {checkpointInterval: 1000, evaluationInterval: 2000, evaluationEpisodes: 2}
seeds: [0, 1]
steps: 7000
END
told() { cat slurm-check-"$1".out 2>/dev/null | grep -c 'checkpoint saved' || true; }
least() { for index in 0 1 2 3; do told $index; done | sort -n | head -n 1; }
bytes() { "$scripts/run-digest.sh" "$1"; }

start=$SECONDS
"$program" study slurm check.yaml --root runs --partition main --time 1 > check.slurm
# The earliest warning that a minute has room for: the more often is every task told.
job=$(sbatch --parsable --signal=B:USR1@50 check.slurm)
echo "job $job submitted"
until [ "$(least)" -ge 1 ]; do sleep 1; done
scontrol update NodeName=n2 State=DRAIN Reason=check
echo "after $((SECONDS - start)) s every task was requeued at least once; node n2 is drained"
until [ "$(sinfo -h -n n2 -o %t)" = drain ]; do sleep 1; done
echo "n2 is empty"
# A controller that does not answer at once on a busy machine has not ended.
ended() { local jobs; jobs=$(squeue -h 2>/dev/null) && [ -z "$jobs" ]; }
until ended; do sleep 1; done
echo "all jobs are gone after $((SECONDS - start)) s"
"$program" study status check.yaml --root runs | tail -n 1

env -u SLURM_CONF "$program" study run check.yaml --root plain >/dev/null 2>&1
same=0 index=0
for task in mamba-s0 mamba-s1 lstm-s0 lstm-s1; do
  times=$(told $index)
  if [ "$(bytes runs/check/$task)" = "$(bytes plain/check/$task)" ] && [ "$times" -ge 2 ]; then
    same=$((same + 1)) verdict=identical
  else
    verdict=DIFFERENT
  fi
  echo "$task: requeued $times times: $verdict"
  index=$((index + 1))
done
echo "$same of 4 tasks were requeued at least twice and ended in the plain run's bytes"
[ "$same" = 4 ]
