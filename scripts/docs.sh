#!/usr/bin/env bash
# The documentation of the library product as a DocC site: symbol graphs of its modules, read off the release build, and the
# articles in docs/LatentMambaDQN.docc. usage: scripts/docs.sh OUT | scripts/docs.sh --check
# --check lists every public symbol without documentation, and what DocC finds wrong with the articles.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 1 ] || { echo "usage: scripts/docs.sh OUT | --check" >&2; exit 64; }
build=.build/release
[ -d "$build/Modules" ] || { echo "error: nothing is built; run \`make build\` first" >&2; exit 1; }
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT
# The product's targets, as Package.swift has them.
modules=$(swift package describe --type json | python3 -c '
import json, sys
print(*next(p for p in json.load(sys.stdin)["products"] if p["name"] == "LatentMambaDQN")["targets"])')
for module in $modules; do
  swift symbolgraph-extract -module-name "$module" -output-dir "$graphs" -minimum-access-level public -skip-synthesized-members \
    -target "$(swiftc -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')" \
    -I "$build/Modules" -I Sources/CBLAS -I Sources/CCairo -I .build/checkouts/Yams/Sources/CYaml/include \
    -Xcc -fmodule-map-file="$build/MachineSupport.build/module.modulemap" -Xcc -fmodule-map-file="$build/CBox2D.build/module.modulemap"
done
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
convert() { "$docc" convert docs/LatentMambaDQN.docc --additional-symbol-graph-dir "$graphs" --fallback-bundle-identifier latent-mamba-dqn "$@"; }
if [ "$1" = --check ]; then
  convert --output-dir "$graphs/site" >"$graphs/log" 2>&1
  ! grep -B 1 -A 3 -e '--> .*LatentMambaDQN.docc/' "$graphs/log"
  python3 scripts/undocumented.py "$graphs"
else
  convert --output-dir "$1" >"$graphs/log" 2>&1 || { cat "$graphs/log" >&2; exit 1; }
  echo "$1/index.html; look at it with: python3 -m http.server --directory $1, then /documentation/latentmambadqn"
fi
