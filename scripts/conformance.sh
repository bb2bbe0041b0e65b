#!/usr/bin/env bash
# Runs the conformance suite against one node and against three, each in dev mode
# with everything in memory; arguments go to nixnode conformance.
set -euo pipefail
bin=${NIXNODE:-bin/nixnode}
dir=$(mktemp -d)
pid=
stop() {
	[ -z "$pid" ] || { kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null || true; }
	pid=
}
trap 'stop; rm -rf "$dir"' EXIT

for nodes in 1 3; do
	"$bin" dev --memory --nodes "$nodes" --http 127.0.0.1:0 --env-file "$dir/env$nodes" >"$dir/out" 2>&1 &
	pid=$!
	for _ in $(seq 600); do
		[ -f "$dir/env$nodes" ] && break
		kill -0 "$pid" 2>/dev/null || { cat "$dir/out"; exit 1; }
		sleep 0.1
	done
	echo "conformance: $nodes node(s)"
	(set -a && . "$dir/env$nodes" && "$bin" conformance "$@")
	stop
done
