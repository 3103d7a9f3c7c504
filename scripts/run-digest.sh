#!/usr/bin/env bash
# A digest of what must not depend on where, and how often interrupted, a run was made: final weights, evaluations.npz, progress.csv
# and monitor.csv without their time columns. usage: scripts/run-digest.sh RUN
set -euo pipefail
cat "$1/model.safetensors" "$1/evaluations.npz" <(cut -d, -f1-12 "$1/progress.csv") \
  <(cut -d, -f1-2 "$1/monitor.csv" | tail -n +2) | sha256sum
