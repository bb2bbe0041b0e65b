#!/usr/bin/env bash
# Starts a cluster of three nodes in memory on free ports, runs the client's tests
# against it with each party on another node, and stops the cluster.
#
#   run.sh NIXNODE    NIXNODE is the server's binary
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")"

for tool in node npm; do
	command -v $tool >/dev/null || { echo "compat: $tool is needed and not there" >&2; exit 1; }
done
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 14) ? 0 : 1)' ||
	{ echo "compat: Node 20.14 or later is needed, this is $(node --version)" >&2; exit 1; }

dir=$(mktemp -d)
"$binary" dev --memory --nodes 3 --http 127.0.0.1:0 --env-file "$dir/env" >"$dir/log" 2>&1 &
server=$!
stop() {
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	rm -rf "$dir"
}
trap stop EXIT

# The file is written once everything is ready.
for _ in $(seq 300); do
	grep -qs "^NIXNODE_OPERATOR_KEY_SECRET=." "$dir/env" && break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
if ! grep -qs "^NIXNODE_OPERATOR_KEY_SECRET=." "$dir/env"; then
	echo "compat: the server did not start" >&2
	sed 's/\(SECRET=\).*/\1…/' "$dir/log" >&2
	exit 1
fi

set -a
. "$dir/env"
set +a
npm ci --no-audit --no-fund --silent
npm test --silent
