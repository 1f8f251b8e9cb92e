#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's promise on a bare Debian 12: in a new system with git and make
# only, make demo, make demo-checkpoint, make install, a program built by the
# README's own line, and make uninstall, which must leave nothing
# (test-bare-inside.sh).
# usage: test-bare.sh
#
# debootstrap makes the system below build-test/, from the archive that this
# machine's apt uses. Everything is mounted in a mount namespace of its own and
# ends with it, so that nothing of the machine is within what is removed.
# SMUDGE_BARE_CACHE=FOLDER keeps the packages for the next time.
#
# Exit status: 77 where this cannot be done, the last line says why.
set -eu
cd "$(dirname "$0")/.."
suite=bookworm

# skip <reason>
skip() {
	echo "$1"
	exit 77
}

# The archive of this machine's apt; none means debootstrap's own choice.
# shellcheck disable=SC2016
archive() {
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v suite=$suite '$1 == suite { print $2; exit }'
}

# bootstrap <folder> <argument of debootstrap>...: from an empty folder
bootstrap() {
	umount "$1"/* 2>/dev/null || true
	rm -rf --one-file-system "${1:?}"/*
	shift
	debootstrap "$@" >build-test/debootstrap.log 2>&1 </dev/null
}

# make_system <folder>: as debootstrap makes it, with this machine's network
make_system() {
	set -- "$1" "$(archive)"
	if [ -n "${SMUDGE_BARE_CACHE:-}" ]; then
		mkdir -p "$SMUDGE_BARE_CACHE/debs" "$SMUDGE_BARE_CACHE/archives/partial"
		set -- "$@" "--cache-dir=$(realpath "$SMUDGE_BARE_CACHE/debs")"
	fi
	set -- "$1" --variant=minbase --include=git,make ${3:+"$3"} $suite \
		"$1" ${2:+"$2"}
	bootstrap "$@" || bootstrap "$@" ||
		skip "debootstrap: $(tail -n 1 build-test/debootstrap.log)"
	apt-config dump | grep '^Acquire::' >"$1/etc/apt/apt.conf.d/99machine" ||
		true
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	mkdir "$1/root/smudge"
	git ls-files -z --cached --others --exclude-standard |
		tar -c --null --files-from=- --ignore-failed-read 2>/dev/null |
		tar -x -C "$1/root/smudge" --no-same-owner
}

# run_inside <folder>: in this process, which has namespaces of its own
run_inside() {
	make_system "$1"
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	if [ -n "${SMUDGE_BARE_CACHE:-}" ]; then
		mount --bind "$SMUDGE_BARE_CACHE/archives" \
			"$1/var/cache/apt/archives"
	fi
	exec env -i HOME=/root LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		${http_proxy:+"http_proxy=$http_proxy"} \
		${https_proxy:+"https_proxy=$https_proxy"} \
		chroot "$1" sh /root/smudge/scripts/test-bare-inside.sh
}

if [ "${1:-}" = --inside ]; then
	run_inside "$2"
fi

[ "$(id -u)" = 0 ] || skip "a bare system is made by root"
command -v apt-get >/dev/null || skip "a bare system is made from Debian's archive"
unshare --mount --pid --fork true 2>/dev/null ||
	skip "no namespaces of its own are allowed here"
log=$(scripts/install-packages.sh bare 2>&1) ||
	skip "$(echo "$log" | tail -n 1)"
if [ -z "${http_proxy:-}" ]; then # debootstrap does not read apt's settings
	proxy=
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[ -z "$proxy" ] || export http_proxy="$proxy"
fi

mkdir -p build-test
system=$(mktemp -d "$PWD/build-test/bare.XXXXXX")
chmod 755 "$system"
child=
# Processes of the new system end with the first of them, its mounts with that,
# and that with unshare, which ignores other signals.
# shellcheck disable=SC2317
finish() {
	trap '' EXIT INT TERM HUP
	[ -z "$child" ] || { kill -KILL "$child" && wait "$child"; } 2>/dev/null ||
		true
	rm -rf --one-file-system "$system" ||
		{ sleep 1 && rm -rf --one-file-system "$system"; }
}
trap finish EXIT
trap 'exit 1' INT TERM HUP
echo "[bare] making a system in $system"
unshare --mount --propagation private --pid --fork --kill-child \
	"$0" --inside "$system" </dev/null &
child=$!
status=0
wait "$child" || status=$?
child=
exit $status
