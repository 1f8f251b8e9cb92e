/* SPDX-License-Identifier: MIT */
/*
 * One page of a block device, read by a call that may be left behind: so it
 * reads into memory that both sides hold.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/disk_writer.h"
#include "qcow2/format.h"

struct read_call {
	struct smi_call call;
	uint64_t page;
	atomic_uint nholders;
	uint8_t bytes[SMI_QCOW2_PAGE_BYTES];
};

static void release(struct smi_call *call)
{
	struct read_call *r = (struct read_call *)call;

	/* The last holder sees all that the other did. */
	if (atomic_fetch_sub_explicit(&r->nholders, 1, memory_order_acq_rel) ==
	    1)
		free(r);
}

static int read_page(struct smi_call *call, void *opaque, uint8_t *scratch,
		     struct smudge_error *err)
{
	struct smi_disk_context *context = opaque;
	struct read_call *r = (struct read_call *)call;

	return smi_disk_read(&context->disk, r->page << SMI_QCOW2_PAGE_SHIFT,
			     r->bytes, sizeof(r->bytes), err);
}

int smi_disk_calls_read(struct smi_calls *calls, uint64_t page, void *bytes,
			struct smudge_error *err)
{
	struct read_call *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return smi_checkpointer_no_memory(err);
	r->call = (struct smi_call){
		.what = "a read of the disk",
		.run = read_page,
		.destroy = release,
	};
	r->page = page;
	atomic_init(&r->nholders, 2);
	ret = smi_calls_run(calls, &r->call, err);
	if (!ret)
		memcpy(bytes, r->bytes, sizeof(r->bytes));
	release(&r->call);
	return ret;
}
