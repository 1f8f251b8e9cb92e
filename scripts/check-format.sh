#!/bin/sh
# SPDX-License-Identifier: MIT
# Every C file, also one that git does not know yet, is as clang-format 14 would
# write it, has its licence line, and has at most 400 lines; but for the frozen
# copies of releases.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files -co --exclude-standard '*.c' '*.h' \
	':(exclude)tests/abi/[0-9]*')
# shellcheck disable=SC2086
clang-format --dry-run --Werror $files
status=0
for file in $files; do
	if ! head -n 1 "$file" | grep -q 'SPDX-License-Identifier: MIT'; then
		echo "$file: no licence line" >&2
		status=1
	fi
	if [ "$(wc -l <"$file")" -gt 400 ]; then
		echo "$file: more than 400 lines" >&2
		status=1
	fi
done
# clang-format 14 glues a word to the asterisk where it breaks a long line.
# shellcheck disable=SC2086
if grep -nE '^	* \*[a-zA-Z]' $files >&2; then
	echo "no space after the asterisk of a comment line" >&2
	status=1
fi
exit $status
