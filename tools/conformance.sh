#!/usr/bin/env bash
# Runs the Dataspace Protocol's conformance kit against a scripted node, twice. The kit comes by its Maven coordinates,
# or as the class path in KUAYU_DSP_KIT. Where neither can be had, it says so, and the table of the kit's tests driven by
# a counterpart of our own (go test ./conformance) stands alone.
set -euo pipefail
cd "$(dirname "$0")/.."
coordinates="org.eclipse.dataspacetck.dsp:dsp-tck:1.0.1"
want=65

${GO:-go} test -count=1 ./conformance
echo "conformance: the kit's table, driven by our own counterpart: passed"

work=$(mktemp -d)
node=""
finish() {
  [ -z "$node" ] || kill "$node" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

kit=${KUAYU_DSP_KIT:-}
if [ -z "$kit" ]; then
  why=""
  if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
    why="Maven or Java is not installed"
  else
    IFS=: read -r group artifact version <<<"$coordinates"
    cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>kuayu</groupId><artifactId>kit</artifactId><version>1</version>
<dependencies><dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency></dependencies>
</project>
POM
    if (cd "$work" && mvn -q -B dependency:build-classpath -Dmdep.outputFile=cp.txt) >"$work/mvn.log" 2>&1; then
      kit=$(cat "$work/cp.txt")
    else
      why=$(grep -m1 -o 'Could not [^[]*' "$work/mvn.log" | cut -c1-200 || true)
    fi
  fi
  if [ -z "$kit" ]; then
    echo "conformance: THE KIT WAS NOT RUN ($coordinates): ${why:-its coordinates do not resolve here}."
    echo "conformance: set KUAYU_DSP_KIT to its class path to run it."
    exit 0
  fi
fi

${GO:-go} build -o "$work/kuayu" ./cmd/kuayu
for round in 1 2; do
  "$work/kuayu" conformance dsp --kit-config "$work/kit.properties" >"$work/node.log" 2>&1 &
  node=$!
  for _ in $(seq 150); do
    grep -q 127.0.0.1 "$work/node.log" && break
    sleep 0.2
  done
  java -cp "$kit" org.eclipse.dataspacetck.dsp.suite.DspTckSuite -config "$work/kit.properties" >"$work/kit.log" 2>&1 || true
  kill "$node"
  wait "$node" 2>/dev/null || true
  node=""
  passed=$(grep -a -o 'Passed tests: [0-9]*' "$work/kit.log" | grep -o '[0-9]*$' || echo 0)
  failed=$(grep -a -o 'Failed tests: [0-9]*' "$work/kit.log" | grep -o '[0-9]*$' || echo '?')
  echo "conformance: round $round: $passed passed, $failed failed"
  if [ "$passed" != "$want" ] || [ "$failed" != 0 ]; then
    tail -n 200 "$work/kit.log"
    exit 1
  fi
done
