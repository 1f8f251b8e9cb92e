/* SPDX-License-Identifier: MIT */
/*
 * The callback, in a thread of the calls where there are any.
 */
#include "checkpoint/committed.h"

#include <errno.h>
#include <stdlib.h>

#include "checkpoint/calls.h"
#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/target.h"
#include "sys/error.h"

typedef int committed_fn(void *opaque, const struct smudge_layer_info *info,
			 struct smudge_error *err);

struct committed_call {
	struct smi_call call;
	committed_fn *committed;
	void *opaque;
	struct smudge_layer_info info;
};

static int checked(committed_fn *committed, void *opaque,
		   const struct smudge_layer_info *info,
		   struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int value = committed(opaque, info, &own);
	int ret = smi_sys_callback_check(&own, value, SMI_WHERE, "committed");

	if (ret < 0) {
		smudge_error_set(&own, ret, SMI_WHERE,
				 "committed failed: error %d", -ret);
		smi_sys_error_keep(err, &own);
	}
	return ret;
}

static int run(struct smi_call *call, void *context, uint8_t *scratch,
	       struct smudge_error *err)
{
	struct committed_call *c = (struct committed_call *)call;

	return checked(c->committed, c->opaque, &c->info, err);
}

static void destroy(struct smi_call *call)
{
	free(call);
}

static int call_in_thread(struct smudge_checkpointer *cp,
			  const struct smudge_layer_info *info,
			  struct smudge_error *err)
{
	struct committed_call *c = calloc(1, sizeof(*c));

	if (!c)
		return smi_checkpointer_no_memory(err);
	c->call = (struct smi_call){
		.what = "committed",
		.run = run,
		.destroy = destroy,
	};
	c->committed = cp->options.committed;
	c->opaque = cp->options.opaque;
	c->info = *info;
	return smi_calls_run(cp->calls, &c->call, err);
}

int smi_committed(struct smudge_checkpointer *cp,
		  const struct smudge_layer_info *info,
		  struct smudge_error *err)
{
	int ret = 0;

	if (!cp->options.committed)
		return 0;
	if (!cp->calls)
		return checked(cp->options.committed, cp->options.opaque, info,
			       err);
	/* That of a disk is in the round that wrote it. */
	if (!cp->target->is_refusable) {
		smi_calls_open(cp->calls);
		ret = smi_calls_begin(cp->calls, err);
	}
	return ret ? ret : call_in_thread(cp, info, err);
}
