/* SPDX-License-Identifier: MIT */
/*
 * The options of a process: a sentence for each that is wrong.
 */
#include "process/options.h"

#include <errno.h>
#include <inttypes.h>

#include "sys/options.h"

#define WHERE "process"

#define STOP_TIMEOUT_MS 1000

static int check_select(const struct smudge_process_options *o,
			struct smudge_error *err)
{
	switch (o->select) {
	case SMUDGE_PROCESS_ALL:
	case SMUDGE_PROCESS_GUEST_RAM:
		return 0;
	case SMUDGE_PROCESS_NAMED:
		if (o->pattern)
			return 0;
		return smudge_error_set(err, -EINVAL, WHERE,
					"to select mappings by name takes a "
					".pattern, and it is NULL");
	case SMUDGE_PROCESS_RANGE:
		if (o->first_address < o->end_address)
			return 0;
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"addresses 0x%" PRIx64 " to 0x%" PRIx64
			" are no range (.first_address, .end_address)",
			o->first_address, o->end_address);
	}
	return smudge_error_set(err, -EINVAL, WHERE,
				"%d is no way to select mappings (.select)",
				(int)o->select);
}

static int check_method(const struct smudge_process_options *o,
			struct smudge_error *err)
{
	if (o->method == SMUDGE_PROCESS_AUTO ||
	    o->method == SMUDGE_PROCESS_UFFD ||
	    o->method == SMUDGE_PROCESS_SOFT_DIRTY)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"%d is no method (.method)", (int)o->method);
}

int smi_process_options_copy(struct smudge_process_options *to,
			     const struct smudge_process_options *from,
			     struct smudge_error *err)
{
	const struct smudge_process_options defaults = {
		.size = sizeof(defaults)};
	int ret = smi_sys_options_copy(
		to, from ? from : &defaults,
		SMI_SYS_SHAPE(smudge_process_options, unwritable), WHERE, err);

	if (ret == 0)
		ret = check_method(to, err);
	if (ret == 0)
		ret = check_select(to, err);
	if (ret == 0 && !to->stop_timeout_ms)
		to->stop_timeout_ms = STOP_TIMEOUT_MS;
	return ret;
}
