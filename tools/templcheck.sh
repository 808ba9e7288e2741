#!/usr/bin/env bash
# Whether the generated templates are what their sources say, and the sources formatted. Writes nothing.
set -euo pipefail
go=${GO:-go}
templ() { CGO_ENABLED=0 "$go" tool -modfile=tools/go.mod templ "$@"; }
code=0
while IFS= read -r f; do
  if ! (cd web && CGO_ENABLED=0 "$go" tool -modfile=../tools/go.mod templ generate -f "${f#web/}" -stdout 2>/dev/null) | cmp -s - "${f%.templ}_templ.go"; then
    echo "${f%.templ}_templ.go is not what $f says, run make generate"
    code=1
  fi
done < <(find web -name '*.templ' | sort)
if ! templ fmt -fail web >/dev/null 2>&1; then
  echo "templates are not formatted, run make fmt"
  code=1
fi
[ $code -eq 0 ] && echo "templ: ok"
exit $code
