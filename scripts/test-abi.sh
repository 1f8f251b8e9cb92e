#!/bin/sh
# SPDX-License-Identifier: MIT
# The row "abi" of make test: what programs that were built against a released
# version rely on (docs/abi.md). Builds the library with debug information and
# runs the tests of tests/abi with it.
#
# Results: build-test/abi/meson-logs/testlog.junit.xml
# Exit status: 77 if something is missing; the last line says what.
set -eu
cd "$(dirname "$0")/.."
build=build-test/abi

# skip <reason>
skip() {
	echo "$1"
	exit 77
}

[ "$(uname -m)" = x86_64 ] ||
	skip "the descriptions in tests/abi are of x86_64, not of $(uname -m)"
for tool in gcc nm abidw abidiff; do
	command -v "$tool" >/dev/null ||
		skip "$tool is missing (packages: scripts/packages.txt)"
done
if [ ! -e "$build/build.ninja" ]; then
	rm -rf "$build"
	# shellcheck disable=SC2046
	CC=gcc meson setup "$build" -Dabi=true $(cat tests/abi/options)
fi
ninja -C "$build"
# Meson finds no fault in a build without tests.
meson test -C "$build" --no-rebuild --list | grep -q abi
meson test -C "$build" --no-rebuild --print-errorlogs --suite abi
