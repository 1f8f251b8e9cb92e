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

#include <smudge/log.h>

#include "control/control.h"
#include "machine/machine.h"

struct smudge_error;

#define VM_MEMORY_MIN_BYTES (UINT64_C(16) << 20)
#define VM_MEMORY_DEFAULT   (UINT64_C(128) << 20)

enum vm_action {
	VM_ACTION_RUN,
	VM_ACTION_HELP,
	VM_ACTION_VERSION,
};

/* Fields have the names of their options. */
struct vm_options {
	enum vm_action action;
	const char
		*kernel; /* --kernel; NULL: the guest arrives or is restored */
	const char *append;	       /* --append, "" unless given */
	enum smudge_log_level verbose; /* 0: warnings */
	struct machine_config machine;
	struct control_config control;
};

/*
 * options_parse - parse the command line
 * Return: 0, or -EINVAL with one sentence. @ret is written only on success.
 */
int options_parse(int argc, char *const argv[], struct vm_options *ret,
		  struct smudge_error *err);

/*
 * options_check - do the options go together? Part of options_parse.
 * Return: 0, or -EINVAL with one sentence.
 */
int options_check(const struct vm_options *options, struct smudge_error *err);

/* "64M", "1G", "4096" (bytes unless a suffix K, M, G, T says otherwise). */
int options_parse_size(const char *text, uint64_t *ret_bytes);

/*
 * "2", "0.5", "0.125": seconds with at most three digits behind the point.
 * Return: 0, or -EINVAL. @ret_ms is written only on success.
 */
int options_parse_seconds(const char *text, uint64_t *ret_ms);

/*
 * "last=60,hourly=24,daily=7,weekly=4,garbage=25", some of them.
 * Return: 0, or -EINVAL. @ret is written only on success.
 */
int options_parse_keep(const char *text, struct checkpoint_keep *ret);

/* The text of --help. */
const char *options_help(void);

#endif
