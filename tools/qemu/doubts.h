/* SPDX-License-Identifier: MIT */
/*
 * What a command line says that does not hold any more for a machine that is
 * started again.
 */
#ifndef TOOLS_QEMU_DOUBTS_H
#define TOOLS_QEMU_DOUBTS_H

#include <stdbool.h>

struct qemu_doubt_sink {
	/*
	 * @forbids: a machine with it cannot be started as it is
	 * @sentence: valid during the call
	 */
	void (*found)(void *opaque, bool forbids, const char *sentence);
	void *opaque;
};

/*
 * qemu_doubts - name what a command line has that cannot be taken over
 * @words: NULL-terminated, as qemu_arguments_restore made it
 * @has_disk_snapshots: the disks' state of the moment is kept
 */
void qemu_doubts(char *const words[], bool has_disk_snapshots,
		 const struct qemu_doubt_sink *sink);

#endif
