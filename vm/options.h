/* SPDX-License-Identifier: MIT */
/*
 * The command line of smudge-vm, parsed.
 *
 * Names follow QEMU's where the meaning is the same. Strings are borrowed
 * from argv. Parsing checks everything that needs no machine.
 */
#ifndef VM_OPTIONS_H
#define VM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct smudge_error;

#define VM_MEMORY_MIN_BYTES (UINT64_C(16) << 20)
#define VM_MEMORY_DEFAULT   (UINT64_C(128) << 20)

enum vm_action {
	VM_ACTION_RUN,
	VM_ACTION_HELP,
	VM_ACTION_VERSION,
};

struct vm_options {
	enum vm_action action;
	uint64_t memory_bytes;	/* -m, --memory */
	const char *kernel;	/* --kernel, NULL only with --incoming */
	const char *append;	/* --append, "" unless given */
	const char *engine;	/* --engine: auto, kvm, unicorn */
	const char *dirty;	/* --dirty: auto, kvm-manual, kvm-legacy, uffd,
				   hook */
	const char *serial;	/* --serial: stdio, null, file:PATH */
	const char *incoming;	/* --incoming URI or NULL: for migration */
	const char *qmp;	/* --qmp unix:PATH or NULL: for control */
	uint16_t display_width; /* --display, pixels; 0: no display */
	uint16_t display_height;
	const char *vnc;   /* --vnc, or NULL; see vnc/options.h */
	bool paused_start; /* -S, --paused-start */
	int end_fd; /* no option: cuts waits short once readable; -1 for none */
};

/*
 * options_parse - parse the command line
 * Return: 0, or -EINVAL with one sentence. @ret is written only on success.
 */
int options_parse(int argc, char *const argv[], struct vm_options *ret,
		  struct smudge_error *err);

/* "64M", "1G", "4096" (bytes unless a suffix K, M, G, T says otherwise). */
int options_parse_size(const char *text, uint64_t *ret_bytes);

/* The text of --help. */
const char *options_help(void);

#endif
