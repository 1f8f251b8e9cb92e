/* SPDX-License-Identifier: MIT */
/*
 * Which of a vCPU's translations are stale: Unicorn and smudge_code.
 *
 * Unicorn 2.0.1 notices stores to code of its own vCPU only. It reports a
 * block after it has translated it (UC_HOOK_EDGE_GENERATED), with its program
 * counter, which is the guest physical address: this version does not page. It
 * does not report the very first block, so the block that a run begins with is
 * noted as well.
 *
 * smudge_code takes locks. A thread that waits for the vCPU to leave the guest
 * may hold them (the hook source), so smudge_code is never called inside a
 * run. Inside, new blocks are noted. Outside, vcpu_sync adds them and fetches
 * stale ranges. Inside the next run, before any code runs, the invalidations
 * are carried out. A block from a page that was not watched when it was
 * translated is invalidated too. So no block outside a run is unwatched, and
 * no write made there is missed. The machine syncs again whenever others could
 * have written since.
 */
#include "engine/unicorn.h"

#include <errno.h>

#include <smudge/error.h>

/*
 * A full list ends the run at the next block; the list has room for that one.
 */
static void note(struct engine_vcpu *vcpu, uint64_t gpa, uint64_t length_bytes)
{
	struct engine_code *code = &vcpu->code;

	if (!code->handle)
		return;
	if (code->nnew_blocks == ENGINE_MAX_NEW_BLOCKS + 1) {
		code->invalidates_all = true;
		return;
	}
	code->new_blocks[code->nnew_blocks++] =
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

static void invalidate(struct engine_code *code, uint64_t gpa,
		       uint64_t length_bytes)
{
	if (code->ninvalidations == ENGINE_MAX_INVALIDATIONS)
		code->invalidates_all = true;
	else
		code->invalidations[code->ninvalidations++] =
			(struct engine_piece){gpa, length_bytes};
}

/*
 * Watched from now on. A block that was translated before that is invalidated.
 */
static void add(struct engine_code *code, const struct engine_piece *piece)
{
	if (smudge_code_add(code->handle, piece->gpa, piece->length_bytes,
			    code->since, NULL) < 0)
		invalidate(code, piece->gpa, piece->length_bytes);
}

/*
 * Unicorn reports the block that a later run begins with, so its pages are
 * watched. It does not report the first one of a uc_engine, whose pages may be
 * watched for other blocks.
 */
static bool is_entry_counted(const struct engine_code *code)
{
	const struct engine_piece *entry = &code->entry;

	return !code->is_first_run &&
	       smudge_code_watches(code->handle, entry->gpa) &&
	       smudge_code_watches(code->handle,
				   entry->gpa + entry->length_bytes - 1);
}

static void add_new_blocks(struct engine_code *code)
{
	if (code->is_entered && !is_entry_counted(code))
		add(code, &code->entry);
	for (size_t i = 0; i < code->nnew_blocks; i++)
		add(code, &code->new_blocks[i]);
	code->nnew_blocks = 0;
	code->is_entered = false;
}

void engine_unicorn_sync(struct engine_vcpu *vcpu)
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
	add_new_blocks(code);
	do {
		n = smudge_code_stale(code->handle, ranges, 16);
		for (size_t i = 0; i < n; i++)
			invalidate(code, ranges[i].gpa, ranges[i].length_bytes);
	} while (n);
	if (code->invalidates_all)
		smudge_code_forget(code->handle, 0, UINT64_MAX);
	code->since = smudge_code_now(code->handle);
}

int engine_unicorn_invalidate(struct engine_vcpu *vcpu,
			      struct smudge_error *err)
{
	struct engine_code *code = &vcpu->code;
	struct vcpu_state state;
	int ret = 0;

	for (size_t i = 0; i < code->ninvalidations && !code->invalidates_all;
	     i++)
		if (uc_ctl_remove_cache(
			    vcpu->uc, code->invalidations[i].gpa,
			    code->invalidations[i].gpa +
				    code->invalidations[i].length_bytes) !=
		    UC_ERR_OK)
			return smudge_error_set(err, -EIO, "unicorn",
						"Unicorn does not drop stale "
						"code");
	if (code->invalidates_all) {
		ret = engine_unicorn_get_state(vcpu, &state, err);
		if (ret == 0)
			ret = engine_unicorn_open(vcpu, err);
		if (ret == 0)
			ret = engine_unicorn_restore(vcpu, &state, err);
	}
	code->ninvalidations = 0;
	code->invalidates_all = false;
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

/* A vCPU's own Unicorn notices its stores; every other writer marks. */
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
