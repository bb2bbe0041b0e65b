#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME (default 30s), one after the
# other, and fails with the first that finds something.
set -eu
: "${GO:=go}" "${FUZZTIME:=30s}"
count=0
for dir in $("$GO" list -f '{{if .TestGoFiles}}{{.Dir}}{{else if .XTestGoFiles}}{{.Dir}}{{end}}' ./...); do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u); do
		count=$((count + 1))
		echo "fuzz: $target in ${dir##*/} for $FUZZTIME"
		(cd "$dir" && "$GO" test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" .)
	done
done
[ "$count" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzz: $count targets, nothing found"
