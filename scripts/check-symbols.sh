#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports exactly the calls that its public headers declare
# and its symbol map names. Its thread-local storage is reserved when a thread
# begins.
# usage: check-symbols.sh libsmudge.so|libsmudge-checkpoint.so
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
# Headers of libsmudge-checkpoint; all others are libsmudge's.
of_checkpoint="checkpoint disk layers lazy prune restore"
pattern=$(echo "$of_checkpoint" | sed 's, ,|,g; s,.*,/(&)\.h$,')
case $1 in
*libsmudge-checkpoint.so*)
	map=$here/lib/smudge-checkpoint.map
	headers=$(ls "$here"/include/smudge/*.h | grep -E "$pattern")
	;;
*)
	map=$here/lib/smudge.map
	headers=$(ls "$here"/include/smudge/*.h | grep -vE "$pattern")
	;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$1" | awk '$2 == "T" || $2 == "D" || $2 == "B" ||
	$2 == "R" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
grep -oE '^	smudge_[a-z0-9_]+;' "$map" | tr -d '	;' |
	sort >"$work/mapped"
# shellcheck disable=SC2086
cat $headers | sed 's,/\*.*\*/,,; /^ \*/d; /^\/\*/d' |
	grep -oE '\bsmudge_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$work/declared"
# Thread-local storage that is not initial-exec allocates at its first touch.
if nm -D --undefined-only "$1" | grep -q __tls_get_addr; then
	echo "$1: has thread-local storage that a mark could not touch" >&2
	exit 1
fi
diff "$work/exported" "$work/mapped"
diff "$work/exported" "$work/declared"
