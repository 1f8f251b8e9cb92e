#!/bin/sh
# SPDX-License-Identifier: MIT
# Make tests/abi/VERSION anew from the tree: the public headers, programs that
# use them, the description of the library's binary interface and its exported
# symbols. The same tree gives the same bytes. A version that has a tag is
# released: its folder stays as it is.
# usage: freeze-abi.sh VERSION
set -eu
cd "$(dirname "$0")/.."
if ! echo "${1:-}" | grep -qxE '[0-9]+\.[0-9]+\.[0-9]+'; then
	echo "usage: $0 VERSION, such as 0.1.0" >&2
	exit 2
fi
version=$1
folder=tests/abi/$version
# What a program of that time looked like: examples of the guide, and others.
examples='checkpoint_loop migrate_two_processes own_source toy_translator
	twenty_lines'

if ! tags=$(git tag --list "$version" "v$version"); then
	echo "$0: git cannot say whether $version has a tag" >&2
	exit 1
fi
if [ -n "$tags" ]; then
	echo "$0: $version is released (tag $tags), and stays as it is" >&2
	exit 1
fi
if ! grep -q "^  version: '$version'," meson.build; then
	echo "$0: meson.build has another version than $version" >&2
	exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/new/include/smudge" "$work/new/programs"
cp include/smudge/*.h "$work/new/include/smudge"
for name in $examples; do
	cp "examples/$name.c" "$work/new/programs"
done
cp tests/abi/programs/*.[ch] "$work/new/programs"
cp -r tests/abi/sized "$work/new"
# shellcheck disable=SC2086
if ! { CC=gcc meson setup "$work/build" $(cat tests/abi/options) &&
	meson compile -C "$work/build" smudge:shared_library &&
	python3 scripts/check-abi.py --freeze "$work/new" \
		"$work/build/lib/libsmudge.so"; } >"$work/log" 2>&1; then
	cat "$work/log" >&2
	exit 1
fi
rm -rf "$folder"
mkdir -p tests/abi
mv "$work/new" "$folder"
