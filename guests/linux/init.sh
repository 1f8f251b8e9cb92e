#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The first process of the guest whose memory is checkpointed.
/bin/busybox mkdir -p /proc /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
exec >/dev/ttyS0 2>&1 </dev/null
echo "Linux $(/bin/busybox uname -r), $(/bin/busybox nproc) processor"
while :; do
	/bin/witness
	echo "witness: error: it ended with status $?"
	/bin/busybox sleep 1
done
