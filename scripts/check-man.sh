#!/bin/sh
# SPDX-License-Identifier: MIT
# Every manual page is as mandoc wants it, and every public call has one; a
# comment that is not of the form is refused by file and line. Lines of pages
# written by hand may be longer than 80 columns.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# attributes.h has no page.
python3 scripts/make-man3.py 0 2000-01-01 "$work/man3" \
	$(ls include/smudge/*.h | grep -v /attributes.h)
mandoc -T lint -W warning man/*.[0-9]
find "$work/man3" -type f ! -exec grep -q '^\.so ' {} \; \
	-exec mandoc -T lint -W style {} +
for name in $(grep -oE '^	smudge_[a-z0-9_]+;' lib/*.map -h | tr -d '	;'); do
	if [ ! -e "$work/man3/$name.3" ]; then
		echo "$name has no manual page" >&2
		exit 1
	fi
done
# What pages refer to is there, as far as it is ours.
for page in $(cat man/*.[0-9] "$work"/man3/*.3 |
	sed -n 's/^\.BR \(smudge[a-z0-9_\\-]*\) (\([0-9]\)).*/\1.\2/p' |
	tr -d '\\' | sort -u); do
	if [ ! -e "man/$page" ] && [ ! -e "$work/man3/$page" ]; then
		echo "a page refers to $page, which is not there" >&2
		exit 1
	fi
done
# smudge(7) names the page of each header.
for header in include/smudge/*.h; do
	page=smudge_$(basename "$header" .h)
	case $page in
	smudge_attributes | smudge_smudge) continue ;;
	esac
	if ! grep -q "^\.BR $page (3)" man/smudge.7; then
		echo "smudge(7) does not name $page(3)" >&2
		exit 1
	fi
done
# explained <page> <words>: that its list of errors has, also where the header
# breaks the line between the code and its reason
explained() {
	if ! sed -n '/^\.SH ERRORS/,/^\.SH SEE/p' "$work/man3/$1.3" |
		grep -q "$2"; then
		echo "$1(3) does not list the error: $2" >&2
		exit 1
	fi
}
explained smudge_log_open 'SMUDGE_MAX_LOGS are open'
explained smudge_client_open 'SMUDGE_REARM_QUIESCED, and a source'
explained smudge_client_take 'in a child of fork(2), see .*smudge_memory'
explained smudge_region_resize 'if it returned what it may not'
# refused <sed command>: that makes a comment which is not of the form
refused() {
	sed "$1" include/smudge/memory.h >"$work/memory.h"
	if message=$(python3 scripts/make-man3.py 0 2000-01-01 "$work/none" \
		"$work/memory.h" 2>&1) ||
		! echo "$message" | grep -q '^/.*/memory.h:[0-9]*: '; then
		echo "a header changed by '$1' is not refused: $message" >&2
		exit 1
	fi
}
refused 's/ \* smudge_memory_create - / * smudge_memory_make - /'
refused 's/@memory: may be NULL/@memori: may be NULL/'
refused 's/Return: 0, -ENOMEM\.//'
refused 's/Threads: any\.//'
refused '/smudge_memory_create - /,/Blocks/d'
