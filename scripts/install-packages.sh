#!/bin/sh
# SPDX-License-Identifier: MIT
# Check for the packages of scripts/packages.txt: for "build", for "demo", for
# "test", which includes both, for "cross", "web" or "kernels", which include all
# three, or for "bare". As root install the missing ones; otherwise name them in
# one line and exit with status 1. On a system without dpkg only name them.
#
# "build" can do without the packages of "option": a line says what is left out.
# When one of them came or went, the build folder is configured again.
# usage: install-packages.sh build [BUILD]|demo|test|cross|web|bare|kernels
set -eu

list=$(dirname "$0")/packages.txt
options=
case "${1:-}" in
build)
	words=build
	options=option
	;;
test) words='build|option|demo|test' ;;
bare | demo) words=$1 ;;
cross | web | kernels) words="build|option|demo|test|$1" ;;
*)
	echo "usage: $0 build [BUILD]|demo|test|cross|web|bare|kernels" >&2
	exit 2
	;;
esac

# names <words>: the packages of these
names() {
	awk -v words="^($1)$" '$1 ~ words { print $2 }' "$list"
}

# missing_of <package>...: those that are not installed
missing_of() {
	installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
		"$@" 2>/dev/null || true)
	for package; do
		# npm may be installed without Debian's package, which then
		# conflicts with it
		if [ "$package" = npm ] && command -v npm >/dev/null; then
			continue
		fi
		echo "$installed" | grep -qx "$package installed" ||
			echo "$package"
	done
}

# install <package>...: as root. Rows of make test do it at the same time, and
# apt does not wait for another.
install() {
	export DEBIAN_FRONTEND=noninteractive
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	trap 'exit 130' HUP INT TERM
	echo "installing, which takes a minute: $*"
	{ flock 9 && apt-get update -q &&
		apt-get install -y -q --no-install-recommends "$@" 9<&-; } \
		>"$log" 2>&1 </dev/null 9<"$list"
}

# left_out_of <folder>: what it was configured without
left_out_of() {
	cat "$1/left-out" 2>/dev/null || true
}

# leave_out <folder> <package>...: say what this build lacks
leave_out() {
	folder=$1
	shift
	for package; do
		awk -v name="$package" '$2 == name {
			gsub("_", " ", $3)
			print "left out: " $3 " (" name " is not installed)" }' "$list" >&2
	done
	if [ -f "$folder/build.ninja" ] &&
		[ "$*" != "$(left_out_of "$folder")" ]; then
		meson configure --clearcache "$folder" >/dev/null
		meson setup --reconfigure "$folder" >/dev/null
	fi
	[ -z "$folder" ] || { mkdir -p "$folder" && echo "$*" >"$folder/left-out"; }
}

# Lists of names are words.
# shellcheck disable=SC2046,SC2086,SC2116
check() {
	if ! command -v dpkg-query >/dev/null; then
		echo "needed, by Debian's names:" $(names "$words|$options") >&2
		case $1 in
		build | demo | test) exit 0 ;; # Meson says what is missing
		*) exit 1 ;;
		esac
	fi
	missing=$(missing_of $(names "$words"))
	left=$([ -z "$options" ] || missing_of $(names "$options"))
	# what a build was already told to do without is not tried again
	if [ -z "$missing" ] && [ "$(echo $left)" = "$(left_out_of "${2:-}")" ]; then
		:
	elif [ -n "$missing$left" ] && [ "$(id -u)" = 0 ] &&
		command -v apt-get >/dev/null && ! install $missing $left &&
		{ [ -z "$missing" ] || ! install $missing; }; then
		tail -n 20 "$log" >&2
	fi
	missing=$(missing_of $missing)
	if [ -n "$missing" ]; then
		echo "missing packages; as root: apt-get install" $missing >&2
		exit 1
	fi
	if [ -n "$options" ]; then
		leave_out "${2:-}" $(missing_of $left)
	fi
}

check "$@"
