#!/bin/sh
# SPDX-License-Identifier: MIT
# Check for the packages of scripts/packages.txt: for "build", for "test", which
# includes "build", for "cross" or "web", which include both, or for "bare". As
# root install the missing ones; otherwise name them in one line and exit with
# status 1. On a system without dpkg only name them.
set -eu

list=$(dirname "$0")/packages.txt
case "${1:-}" in
build) words=build ;;
test) words='build|test' ;;
bare) words=bare ;;
cross | web) words="build|test|$1" ;;
*)
	echo "usage: $0 build|test|cross|web|bare" >&2
	exit 2
	;;
esac
wanted=$(awk -v words="^($words)$" '$1 ~ words { print $2 }' "$list")

# npm may be installed without Debian's package, which then conflicts with it.
is_installed() {
	if [ "$1" = npm ] && command -v npm >/dev/null; then
		return 0
	fi
	status=$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null) &&
		echo "$status" | grep -qx installed
}

if ! command -v dpkg-query >/dev/null; then
	# shellcheck disable=SC2086
	echo "needed, by Debian's names:" $wanted >&2
	case $1 in
	build | test) exit 0 ;; # Meson says what is missing
	*) exit 1 ;;
	esac
fi
missing=
for package in $wanted; do
	is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing packages (Debian's names):$missing" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages; as root: apt-get install$missing" >&2
	exit 1
fi
# Rows that run at once may want packages at once.
exec 9<"$list"
flock 9
echo "installing, which takes a minute:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends \
	$missing; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "apt-get could not install:$missing" >&2
	exit 1
fi
