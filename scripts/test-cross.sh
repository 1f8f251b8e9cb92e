#!/bin/sh
# SPDX-License-Identifier: MIT
# The unit tests and fuzz corpora of everything that runs without KVM, built
# for aarch64 (NEON) and s390x (big-endian) and run by qemu's user emulation.
# usage: test-cross.sh [--everything] [aarch64|s390x]...   (default: both)
#
# What only the order of bytes can change is run on s390x, walks over all places
# where something fails on neither; --everything: all on both.
#
# Needs the packages of scripts/packages.txt for "cross". apt fetches the
# libraries of the other machines into build-test/sysroot-<machine>, where they
# are unpacked and not installed: as multiarch packages they would have to match
# the exact version of the host's C library.
#
# Results: build-test/cross-<machine>/meson-logs/testlog.junit.xml
# Exit status: 77 if the packages are not available; the last line says why.
set -eu
cd "$(dirname "$0")/.."

libraries="libcmocka0 libcmocka-dev libxxhash0 libxxhash-dev
	libzstd1 libzstd-dev systemtap-sdt-dev"

# skip <reason>
skip() {
	echo "$1"
	exit 77
}

# fetch <Debian's name of the machine> <sysroot>: unpack the libraries there
fetch() {
	work=$PWD/$2.new
	rm -rf "$work"
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" \
		"$work/debs"
	machine=$1 sysroot=$2
	set -- -q -o "APT::Architecture=$machine" \
		-o "APT::Architectures=$machine" -o Acquire::Languages=none \
		-o APT::Sandbox::User=root -o Dir::State::status=/dev/null \
		-o APT::Update::Error-Mode=any -o Acquire::Retries=3 \
		-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache"
	# shellcheck disable=SC2086
	if ! { apt-get "$@" update &&
		(cd "$work/debs" && apt-get "$@" download $libraries); }; then
		skip "apt-get could not fetch the libraries of $machine"
	fi
	for deb in "$work"/debs/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
	rm -rf "$sysroot"
	mv "$work/root" "$sysroot"
	rm -rf "$work"
}

# run <machine> <Debian's name of it> <order of its bytes>
run() {
	build=build-test/cross-$1
	sysroot=build-test/sysroot-$1
	mkdir -p build-test
	if [ ! -f "$sysroot/usr/include/zstd.h" ]; then
		echo "[cross-$1] fetching libraries"
		fetch "$2" "$sysroot"
		rm -rf "$build"
	fi
	if [ ! -f "$build/build.ninja" ]; then
		rm -rf "$build"
		printf "[constants]\nsysroot = '%s'\n" "$PWD/$sysroot" \
			>"$sysroot.ini"
		meson setup "$build" --cross-file "$sysroot.ini" \
			--cross-file "scripts/cross/$1.ini" \
			-Dwerror=true -Dprobes=enabled -Dvm=false -Dbench=false
	fi
	echo "[cross-$1] building"
	if [ "$everything" ]; then
		ninja -C "$build"
	else
		parts files "$3" "$build" ninja -C "$build"
	fi
	scripts/check-probes.py "$build/lib/libsmudge.so"
	echo "[cross-$1] testing"
	rm -f "$build/meson-logs/testlog.junit.xml"
	test="meson test -C $build --no-rebuild --print-errorlogs"
	# shellcheck disable=SC2086
	if [ "$everything" ]; then
		$test --suite unit --suite fuzz
	else
		parts names "$3" "$build" $test
	fi
}

# parts <names|files> <order of bytes> <build> <command>...: with those as
# further arguments
parts() {
	list=$(python3 scripts/build_parts.py "$1" "$2" "$3")
	shift 3
	echo "$list" | xargs -d '\n' "$@"
}

[ "$(uname -m)" = x86_64 ] ||
	skip "cross builds need the compilers of an x86-64 Debian 12"
log=$(scripts/install-packages.sh cross 2>&1) ||
	skip "$(echo "$log" | tail -n 1)"
everything=
if [ "${1-}" = --everything ]; then
	everything=yes
	shift
fi
[ $# -gt 0 ] || set -- aarch64 s390x
for machine; do
	case $machine in
	aarch64) run aarch64 arm64 little-endian ;;
	s390x) run s390x s390x big-endian ;;
	*)
		echo "usage: $0 [--everything] [aarch64|s390x]..." >&2
		exit 2
		;;
	esac
done
