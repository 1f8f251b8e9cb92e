#!/bin/sh
# SPDX-License-Identifier: MIT
# What test-bare.sh does in the new system, whose root this has: everything
# that the README says of installing, and no more packages than it says.
set -eu
cd /root/smudge
started=$(cut -d. -f1 /proc/uptime)

# say <what comes now>
say() {
	echo "[bare] $(($(cut -d. -f1 /proc/uptime) - started)) s: $*"
}

# logged <command>...: its output is shown when it fails
logged() {
	"$@" >/root/log 2>&1 || {
		tail -n 40 /root/log
		exit 1
	}
}

# nothing_is_left: what make install wrote is gone
nothing_is_left() {
	find /usr/local /opt | sort >/root/after
	diff /root/before /root/after || {
		echo "make uninstall has left these"
		exit 1
	}
}

# run <program>: as CI runs an example; 77 is what the kernel cannot do
run() {
	"$@" || {
		status=$?
		[ "$status" = 77 ] || exit "$status"
		echo "(not on this kernel)"
	}
}

say make demo
logged make demo
tail -n 1 /root/log
say make demo-checkpoint
logged make demo-checkpoint
tail -n 1 /root/log
find /usr/local /opt | sort >/root/before

say make install
logged make install
tail -n 1 /root/log
ldconfig
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
test "$(pkg-config --modversion smudge)" = "$version"
test "$(smudge --version)" = "smudge $version"
test "$(smudge-vm --version)" = "smudge-vm $version"
for file in man/man1/smudge.1 man/man1/smudge-vm.1 man/man7/smudge.7 \
	man/man3/smudge_client_take.3 doc/smudge/LICENSE \
	doc/smudge/docs/architecture.md bash-completion/completions/smudge; do
	test -f "/usr/local/share/$file"
done

say the twenty lines, by the line of the README
line=$(sed -n 's/^    \(cc twenty_lines.c .*\)/\1/p' README.md)
cd /usr/local/share/doc/smudge/examples
eval "$line -o /root/twenty_lines"
eval "$(echo "$line" | sed 's/pkg-config/& --static/') -static -o /root/static"
for file in *.c; do
	module=smudge
	! grep -q '<smudge/checkpoint.h>' "$file" || module=smudge-checkpoint
	build=$(echo "$line" |
		sed "s/twenty_lines.c/$file/; s/ smudge)/ $module)/")
	build="$build -Wall -Werror -o /root/example"
	eval "$build"
	eval "$(echo "$build" | sed 's/pkg-config/& --static/') -static"
done
cd /root/smudge
run /root/twenty_lines
run /root/static

say a project that has smudge as a subproject
mkdir -p /root/parent/subprojects
ln -s /root/smudge /root/parent/subprojects/smudge
: >/root/parent/p.c
cat >/root/parent/meson.build <<'END'
project('parent', 'c')
executable('p', 'p.c', dependencies: dependency('smudge', version: '>=0.1',
  default_options: ['vm=false', 'bench=false', 'tests=false'],
  fallback: 'smudge'))
END
logged meson setup --wrap-mode=forcefallback /root/parent/build /root/parent

say a prefix of its own
logged make uninstall
nothing_is_left
ldconfig
logged make install PREFIX=/opt/smudge
/opt/smudge/bin/smudge --version
mv /opt/smudge /opt/elsewhere
/opt/elsewhere/bin/smudge-vm --version
mv /opt/elsewhere /opt/smudge
logged make uninstall PREFIX=/opt/smudge
nothing_is_left
say "done"
