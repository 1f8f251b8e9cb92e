/* SPDX-License-Identifier: MIT */
/*
 * A new uc_engine for a vCPU. The files that run guests, keep their state and
 * invalidate translations all open one, so this file is below them. The hooks
 * call those files, so a function that the engine was given adds them.
 */
#include "engine/unicorn.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#define WHERE "unicorn"

static int fail(struct smudge_error *err, int code, const char *what,
		uc_err why)
{
	return smudge_error_set(err, code, WHERE, "Unicorn refuses: %s: %s",
				what, uc_strerror(why));
}

/* Turn the end address of a run off: Unicorn would put it into CR2. */
static uc_err use_no_end(uc_engine *uc)
{
	return uc_ctl_exits_enable(uc);
}

int engine_unicorn_open(struct engine_vcpu *vcpu, struct smudge_error *err)
{
	struct engine *engine = vcpu->engine;
	uc_err ret;

	if (vcpu->uc)
		uc_close(vcpu->uc);
	vcpu->uc = NULL;
	vcpu->has_run = false;
	memset(vcpu->code_pages, 0, sizeof(vcpu->code_pages));
	ret = uc_open(UC_ARCH_X86, UC_MODE_64, &vcpu->uc);
	if (ret != UC_ERR_OK) {
		vcpu->uc = NULL;
		return fail(err, -ENODEV, "an x86-64 processor", ret);
	}
	for (size_t i = 0; i < engine->ram->npieces; i++) {
		ret = engine_unicorn_map(vcpu, &engine->ram->pieces[i]);
		if (ret != UC_ERR_OK)
			return fail(err, -ENOMEM, "the guest's RAM", ret);
	}
	ret = use_no_end(vcpu->uc);
	if (ret == UC_ERR_OK)
		ret = engine->add_hooks(vcpu);
	if (ret != UC_ERR_OK)
		return fail(err, -ENODEV, "a hook", ret);
	return 0;
}

void engine_unicorn_reopened(struct engine_vcpu *vcpu)
{
	/* release: pairs with the exchange in engine_unicorn_sync */
	atomic_store_explicit(&vcpu->code.is_reopened, true,
			      memory_order_release);
}
