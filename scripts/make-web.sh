#!/bin/sh
# SPDX-License-Identifier: MIT
# Make BUILD/web/novnc.html, the page of smudge-vm --vnc :N,web: fetch noVNC as
# package-lock.json pins it, and put it into web/page.html. If the page is newer
# than its sources, do nothing.
set -eu
cd "$(dirname "$0")/.."
folder=${1:?usage: make-web.sh BUILD-FOLDER}/web
page=$folder/novnc.html

if [ -f "$page" ] && [ -z "$(find package-lock.json web -newer "$page" -type f)" ]; then
	exit 0
fi
if ! command -v npm >/dev/null; then
	echo "npm is missing: the page for browsers cannot be made" >&2
	exit 1
fi
mkdir -p "$folder"
cp package.json package-lock.json "$folder"
log=$folder/npm.log
if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund \
	>"$log" 2>&1 </dev/null; then
	tail -n 5 "$log" >&2
	echo "npm could not fetch noVNC" >&2
	exit 1
fi
python3 web/make-page.py "$folder/node_modules/@novnc/novnc" web/page.html "$page"
