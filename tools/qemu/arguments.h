/* SPDX-License-Identifier: MIT */
/*
 * A QEMU's command line as it must be to continue from a checkpoint.
 */
#ifndef TOOLS_QEMU_ARGUMENTS_H
#define TOOLS_QEMU_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qemu/words.h"

struct smudge_error;

/* The name of the monitor that smudge restore --run adds, and of its chardev.
 */
#define QEMU_RESTORE_MONITOR "smudge-restore"

/* The file that a memory backend's content is in. */
struct qemu_backend_file {
	const char *id;
	const char *path;
	uint64_t size_bytes;
};

/*
 * qemu_arguments_restore - the command line that waits for the device state
 * @words: NULL-terminated, the machine's own
 * @type: of the machine, such as pc-q35-7.2, for a command line that says only
 *      q35, which is another one in a later QEMU; NULL: as it is said
 * @ret_words: receives it; to be freed also after a failure
 *
 * The memory backends become the files, shared, and keep what else was said of
 * them. What a machine is begun with goes: -incoming, -loadvm, -preconfig, and
 * the monitor of an earlier restore. -incoming defer is added.
 * Return: 0, -EINVAL (no command line), -ENOENT (a backend is not in it),
 * -ENOMEM, with one sentence.
 */
int qemu_arguments_restore(char *const words[], const char *type,
			   const struct qemu_backend_file *files, size_t nfiles,
			   struct qemu_words *ret_words,
			   struct smudge_error *err);

/*
 * qemu_arguments_add_monitor - with a monitor that says what to load
 * @words: of qemu_arguments_restore; -daemonize is taken out
 * @fd: a connected socket that QEMU inherits
 *
 * If memory runs out, @words says so.
 */
void qemu_arguments_add_monitor(struct qemu_words *words, int fd);

#endif
