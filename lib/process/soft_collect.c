/* SPDX-License-Identifier: MIT */
/*
 * Reading and clearing the bits of a process that stands.
 */
#include "process/soft_collect.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "process/hold.h"
#include "process/ksm.h"
#include "sys/guard.h"

#define WHERE "soft_dirty"

/* In the guardian, while the process stands. */
static int read_and_clear(struct smi_stop *stop, void *opaque,
			  struct smudge_error *err)
{
	struct smi_soft_dirty *soft = opaque;
	ssize_t n;
	int ret;

	for (struct smi_soft_area *a = soft->areas; a; a = a->next)
		smi_soft_area_read(a, soft->attachment->uffd.pagemap,
				   soft->words, a->pending, false);
	n = write(soft->clear_refs, "4", 1);
	if (n == 1)
		return 0;
	ret = n < 0 ? -errno : -EIO;
	return smudge_error_set(err, ret, WHERE,
				"cannot clear the soft-dirty bits by "
				"/proc/PID/clear_refs: %s",
				strerror(-ret));
}

static void fill_all(struct smi_soft_dirty *soft)
{
	for (struct smi_soft_area *a = soft->areas; a; a = a->next)
		smi_soft_area_fill(a, a->pending);
}

static int stop_and_collect(struct smi_soft_dirty *soft,
			    struct smudge_error *err)
{
	const struct smudge_process *process = soft->process;
	uint64_t stopped_ns = 0;
	int ret = process->means->while_stopped(
		&soft->attachment->target, process->stop_timeout_ms,
		read_and_clear, soft, &stopped_ns, err);

	soft->stops++;
	soft->stopped_ns += stopped_ns;
	if (stopped_ns > soft->longest_stop_ns)
		soft->longest_stop_ns = stopped_ns;
	return ret;
}

/* It stands; unless what holds it was killed meanwhile. */
static int collect_of_held(struct smi_soft_dirty *soft,
			   struct smudge_error *err)
{
	int ret = read_and_clear(NULL, soft, err);

	if (ret < 0 || smi_hold_stands(soft->process->hold))
		return ret;
	fill_all(soft);
	return 0;
}

/* After a failure it is unknown what was read and cleared. */
int smi_soft_collect(struct smi_soft_dirty *soft, struct smudge_error *err)
{
	struct smudge_process *process = soft->process;
	bool is_merged = smi_ksm_is_running();
	int ret;

	SMI_SYS_GUARD(&process->stop_lock);
	if (process->hold && smi_hold_stands(process->hold))
		ret = collect_of_held(soft, err);
	else
		ret = stop_and_collect(soft, err);
	if (ret < 0 || is_merged || smi_ksm_is_running())
		fill_all(soft);
	return ret;
}
