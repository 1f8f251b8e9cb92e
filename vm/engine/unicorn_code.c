/* SPDX-License-Identifier: MIT */
/*
 * Which of a vCPU's translations are stale: Unicorn and smudge_code.
 *
 * Unicorn 2.0.1 sees its own vCPU's stores to code, and no others. It tells of
 * a block once it is translated (UC_HOOK_EDGE_GENERATED), with its program
 * counter, which is the guest physical address: this version does not page.
 * It keeps silent about the very first block, so the one that a run enters
 * at is noted as well.
 *
 * smudge_code takes locks that may be held by one who waits for the vCPU to
 * leave the guest (the hook source), so nothing is asked in there. Inside,
 * new blocks are noted; outside, vcpu_settle adds them and asks for stale
 * ranges; inside again, before anything runs, the drops are carried out. A
 * block from a page that was not watched when it was translated goes too: no
 * block survives an exit unwatched, so no write while the guest is left is
 * missed. The machine settles again whenever
 * others could have written since.
 */
#include "engine/unicorn.h"

#include <errno.h>

#include <smudge/error.h>

/* A full list ends the run at the next block: there is room for that one. */
static void note(struct engine_vcpu *vcpu, uint64_t gpa, uint64_t length_bytes)
{
	struct engine_code *code = &vcpu->code;

	if (!code->handle)
		return;
	if (code->nfresh == ENGINE_MAX_FRESH + 1) {
		code->drops_all = true;
		return;
	}
	code->fresh[code->nfresh++] =
		(struct engine_piece){gpa, length_bytes ? length_bytes : 1};
}

static void translated(uc_engine *uc, uc_tb *block, uc_tb *from, void *opaque)
{
	note(opaque, block->pc, block->size);
}

void engine_unicorn_enters(struct engine_vcpu *vcpu, uint64_t gpa,
			   uint64_t length_bytes)
{
	struct engine_code *code = &vcpu->code;

	if (code->is_entered)
		return;
	code->is_entered = true;
	code->entry =
		(struct engine_piece){gpa, length_bytes ? length_bytes : 1};
}

uc_err engine_unicorn_hook_code(struct engine_vcpu *vcpu)
{
	uc_hook hook;

	if (!vcpu->code.handle)
		return UC_ERR_OK;
	return uc_hook_add(vcpu->uc, &hook, UC_HOOK_EDGE_GENERATED,
			   (void *)translated, vcpu, 1, 0);
}

static void drop(struct engine_code *code, uint64_t gpa, uint64_t length_bytes)
{
	if (code->ndrops == ENGINE_MAX_DROPS)
		code->drops_all = true;
	else
		code->drops[code->ndrops++] =
			(struct engine_piece){gpa, length_bytes};
}

/* Watched from now on; one that was translated before that is dropped. */
static void add(struct engine_code *code, const struct engine_piece *piece)
{
	if (smudge_code_add(code->handle, piece->gpa, piece->length_bytes,
			    code->since, NULL) < 0)
		drop(code, piece->gpa, piece->length_bytes);
}

/*
 * Unicorn tells of a block that a later run begins with, and then its pages are
 * watched; of the first one it does not, and its pages may be watched for
 * others.
 */
static bool is_entry_counted(const struct engine_code *code)
{
	const struct engine_piece *entry = &code->entry;

	return !code->is_first_run &&
	       smudge_code_watches(code->handle, entry->gpa) &&
	       smudge_code_watches(code->handle,
				   entry->gpa + entry->length_bytes - 1);
}

static void add_fresh(struct engine_code *code)
{
	if (code->is_entered && !is_entry_counted(code))
		add(code, &code->entry);
	for (size_t i = 0; i < code->nfresh; i++)
		add(code, &code->fresh[i]);
	code->nfresh = 0;
	code->is_entered = false;
}

void engine_unicorn_settle(struct engine_vcpu *vcpu)
{
	struct engine_code *code = &vcpu->code;
	struct smudge_code_range ranges[16];
	size_t n;

	if (!code->handle)
		return;
	/* acquire: pairs with the release in engine_unicorn_reopened */
	if (atomic_exchange_explicit(&code->is_reopened, false,
				     memory_order_acquire))
		smudge_code_forget(code->handle, 0, UINT64_MAX);
	add_fresh(code);
	do {
		n = smudge_code_stale(code->handle, ranges, 16);
		for (size_t i = 0; i < n; i++)
			drop(code, ranges[i].gpa, ranges[i].length_bytes);
	} while (n);
	if (code->drops_all)
		smudge_code_forget(code->handle, 0, UINT64_MAX);
	code->since = smudge_code_now(code->handle);
}

int engine_unicorn_drop(struct engine_vcpu *vcpu, struct smudge_error *err)
{
	struct engine_code *code = &vcpu->code;
	struct vcpu_state state;
	int ret = 0;

	for (size_t i = 0; i < code->ndrops && !code->drops_all; i++)
		if (uc_ctl_remove_cache(vcpu->uc, code->drops[i].gpa,
					code->drops[i].gpa +
						code->drops[i].length_bytes) !=
		    UC_ERR_OK)
			return smudge_error_set(err, -EIO, "unicorn",
						"Unicorn does not drop stale "
						"code");
	if (code->drops_all) {
		ret = engine_unicorn_get_state(vcpu, &state, err);
		if (ret == 0)
			ret = engine_unicorn_open(vcpu, err);
		if (ret == 0)
			ret = engine_unicorn_restore(vcpu, &state, err);
	}
	code->ndrops = 0;
	code->drops_all = false;
	return ret;
}

static void unwatch(struct engine *engine)
{
	for (struct engine_vcpu *vcpu = engine->vcpus; vcpu;
	     vcpu = vcpu->next) {
		smudge_code_close(vcpu->code.handle);
		vcpu->code.handle = NULL;
	}
}

/* A vCPU's store is seen by its own Unicorn, every other writer marks. */
int engine_unicorn_watch_code(struct engine *engine,
			      struct smudge_memory *memory,
			      struct smudge_error *err)
{
	const struct smudge_code_options options = {
		.size = sizeof(options),
		.marks_only = true,
	};
	int ret = 0;

	unwatch(engine);
	if (!memory)
		return 0;
	for (struct engine_vcpu *vcpu = engine->vcpus; ret == 0 && vcpu;
	     vcpu = vcpu->next) {
		ret = smudge_code_open(memory, &options, &vcpu->code.handle,
				       err);
		if (ret == 0 && engine_unicorn_hook_code(vcpu) != UC_ERR_OK)
			ret = smudge_error_set(err, -ENODEV, "unicorn",
					       "Unicorn does not tell of new "
					       "blocks");
	}
	if (ret < 0)
		unwatch(engine);
	return ret;
}

struct smudge_code *engine_unicorn_code(const struct engine *engine)
{
	return engine->vcpus ? engine->vcpus->code.handle : NULL;
}
