#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another, for the given time each.
set -euo pipefail
time=${1:-20s}
go=${GO:-go}
count=0
while IFS=: read -r file decl; do
  name=${decl#func }
  name=${name%%(*}
  count=$((count + 1))
  echo "== $name in $(dirname "$file")"
  CGO_ENABLED=0 "$go" test -run '^$' -fuzz "^${name}\$" -fuzztime "$time" "./$(dirname "$file")"
done < <(grep -rE --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]+\(' --exclude-dir=tools . | sed 's|^\./||' | sort)
echo "$count fuzz targets, $time each"
