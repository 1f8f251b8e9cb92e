#!/bin/sh
# SPDX-License-Identifier: MIT
# The first process of the machine that test-kernels.py starts: it loads KVM,
# mounts an NVMe drive, runs smudge features, the tests that the file /tests
# lists, then the demonstration, and turns the machine off. What they print goes
# to the second serial port, with lines that begin with "##" between them.
/bin/busybox mkdir -p /sbin
/bin/busybox --install -s /bin
export PATH=/bin LC_ALL=C CMOCKA_MESSAGE_OUTPUT=TAP
export SMUDGE_TEST_PERCENT=10

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm /dev/hugepages
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t hugetlbfs huge /dev/hugepages
ip link set lo up
stty -F /dev/ttyS1 raw -echo
# through a pipe: what sees a terminal shows progress
mkfifo /tmp/out
cat </tmp/out >/dev/ttyS1 &
writer=$!
exec >/tmp/out 2>&1 </dev/null

# say <words>
say() {
	echo "## $*"
}

# limited <test> <program> <argument>...
limited() {
	test=$1
	shift
	case " $only " in *" $test "* | "  ") ;; *) return ;; esac
	say "begin $test"
	read -r began _ </proc/uptime
	timeout -s KILL "$limit" "$@" </dev/null # not the list of tests
	status=$?
	read -r ended _ </proc/uptime
	say "end $test $status $began $ended"
}

# drive <serial>: its device. The kernel looks for drives all at once, so which
# is called nvme0 is chance.
drive() {
	tries=0
	while [ "$tries" -lt 300 ]; do
		for serial in /sys/block/nvme*/device/serial; do
			[ -r "$serial" ] || continue
			read -r found <"$serial"
			name=${serial#/sys/block/}
			name=/dev/${name%%/*}
			[ "$found" = "$1" ] && [ -b "$name" ] && echo "$name" &&
				return
		done
		tries=$((tries + 1))
		usleep 100000
	done
}

limit=300 only=
read -r words </proc/cmdline
for word in $words; do
	case $word in
	limit=*) limit=${word#*=} ;;
	only=*) only="$only ${word#*=}" ;;
	esac
done
while read -r module; do
	insmod "/modules/$module.ko" || say "no module $module"
done </modules/order
echo 16 >/proc/sys/vm/nr_hugepages
echo 20000 >/proc/sys/vm/max_map_count
disk=$(drive disk) swap=$(drive swap)
mount -t ext4 "$disk" /disk || say "no disk"
mkdir -p /disk/tmp /var
chmod 1777 /disk/tmp
ln -s /disk/tmp /var/tmp
mkswap "$swap" >/dev/null
swapon "$swap" || say "no swap"

cd /disk || exit 1
read -r up _ </proc/uptime
say "kernel $(uname -r) up $up"
for form in "" --json; do
	limited "features-root${form#-}" /smudge/tools/smudge features $form
	limited "features-nobody${form#-}" su -s /bin/sh nobody -c \
		"/smudge/tools/smudge features $form"
done
yes >/dev/null &
limited rate-root /smudge/tools/smudge rate --duration 2 --json $!
kill $!
limited rate-nobody su -s /bin/sh nobody -c 'yes >/dev/null &
	/smudge/tools/smudge rate --duration 2 --json $!; status=$?
	kill $!; exit $status'
# Beside another one: of soft-dirty bits, or of what a userfaultfd armed.
yes >/dev/null &
target=$!
/smudge/tools/smudge rate --duration 600 --json $target >/dev/null 2>&1 &
other=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sleep 1
	! /smudge/tools/smudge rate --method beside --interval 0.1 --count 1 \
		$target >/dev/null 2>&1 || break
done
limited rate-beside /smudge/tools/smudge rate --method beside --duration 2 \
	--json $target
kill $other $target
while read -r test program; do
	# shellcheck disable=SC2086
	limited "$test" $program
done </tests
limited demo /smudge/tools/smudge demo --engine kvm --memory 128M \
	--working-set 4M --rate 1000
read -r up _ </proc/uptime
say "done up $up"
exec >/dev/null 2>&1
wait "$writer"
poweroff -f
