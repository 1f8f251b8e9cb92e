/* SPDX-License-Identifier: MIT */
/*
 * The Unicorn engine: one uc_engine per vCPU over the machine's RAM.
 *
 * One thread at a time uses a uc_engine: its vCPU's, or the caller of
 * get/set_state while the vCPU is out. uc_emu_stop from another thread cannot
 * be used to leave the guest: Unicorn 2.0.1 then stops at any load or store
 * inside a block and forgets where it was, so instructions run twice. A kick
 * is a flag instead. A hook reads it at the start of every block, where
 * nothing of the block has run and its address is known.
 *
 * The store hook runs before its store is in memory. So a store is reported at
 * the next store to another page, or when the vCPU leaves the guest: a page
 * that was reported too early could be copied without the store.
 *
 * A store that changes the block it is in makes Unicorn 2.0.1 execute it again,
 * in a block of its own, and call the store hook no more until the run ends. So
 * after a store to a page of code the run ends when that block may have ended.
 * An instruction may store several pieces, of which the hook has seen the first
 * then: all that it may store beside that piece is reported.
 *
 * What Unicorn 2.0.1 does not emulate ends the run with a sentence when a
 * guest does it: another CR3 (noticed at the start of the next block), a store
 * to the page tables, SYSCALL, an exception with a handler.
 *
 * A device that writes memory does so when the block that asked for it has
 * ended, outside Unicorn: inside a block, Unicorn can neither be stopped
 * exactly nor be made to forget the rest of it.
 */
#include "engine/unicorn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "base/lost_memory.h"
#include "common/range.h"

#define WHERE	   "unicorn"
#define OPCODE_HLT 0xf4
/* FNSAVE stores 108, upwards; ENTER 264, downwards. */
#define MAX_STORE_BYTES UINT64_C(512)

static uint32_t port_in(uc_engine *uc, uint32_t port, int size, void *opaque)
{
	const struct engine_ports *ports =
		&((struct engine_vcpu *)opaque)->engine->ports;

	return ports->in(ports->opaque, (uint16_t)port, (unsigned int)size);
}

static void port_out(uc_engine *uc, uint32_t port, int size, uint32_t value,
		     void *opaque)
{
	struct engine_vcpu *vcpu = opaque;
	const struct engine_ports *ports = &vcpu->engine->ports;

	if (ports->out(ports->opaque, (uint16_t)port, (unsigned int)size,
		       value))
		vcpu->has_work = true;
}

static void report_store(struct engine_vcpu *vcpu)
{
	const struct engine_write_hook *hook = &vcpu->engine->hook;

	if (vcpu->stored_bytes && hook->wrote)
		hook->wrote(hook->opaque, vcpu->stored_gpa, vcpu->stored_bytes);
	vcpu->stored_bytes = 0;
}

static uint64_t *code_word(struct engine_vcpu *vcpu, uint64_t page)
{
	return &vcpu->code_pages[page % ENGINE_CODE_PAGES / 64];
}

static void note_code(struct engine_vcpu *vcpu, uint64_t gpa, uint32_t size)
{
	uint64_t first = gpa >> RAM_PAGE_SHIFT;
	uint64_t last = (gpa + (size ? size - 1 : 0)) >> RAM_PAGE_SHIFT;

	*code_word(vcpu, first) |= UINT64_C(1) << first % 64;
	*code_word(vcpu, last) |= UINT64_C(1) << last % 64;
}

/* Others may be taken for such: the run ends in vain then. */
static bool is_code(struct engine_vcpu *vcpu, uint64_t gpa)
{
	uint64_t page = gpa >> RAM_PAGE_SHIFT;

	return *code_word(vcpu, page) >> page % 64 & 1;
}

static void stored(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
		   int64_t value, void *opaque)
{
	struct engine_vcpu *vcpu = opaque;
	uint64_t last = vcpu->stored_gpa + vcpu->stored_bytes;
	uint64_t end = address + (uint64_t)size;

	if (is_code(vcpu, address) || is_code(vcpu, end - 1)) {
		vcpu->nblocks_left = 2;
		address -= min_u64(address, MAX_STORE_BYTES);
		end += MAX_STORE_BYTES;
	}
	/* inside the pages that are reported anyway */
	if (vcpu->stored_bytes &&
	    address >> RAM_PAGE_SHIFT == vcpu->stored_gpa >> RAM_PAGE_SHIFT &&
	    end <= last)
		return;
	report_store(vcpu);
	vcpu->stored_gpa = address;
	vcpu->stored_bytes = (uint32_t)(end - address);
}

static bool is_kicked(const struct engine_vcpu *vcpu)
{
	/* relaxed: the machine's lock orders what the kicker wants seen */
	return atomic_load_explicit(&vcpu->is_kicked, memory_order_relaxed);
}

static void stop(struct engine_vcpu *vcpu, uint64_t rip)
{
	vcpu->is_stopping = true;
	vcpu->shadow.rip = rip;
	uc_emu_stop(vcpu->uc);
}

/* May the store hook be off now? */
static bool must_report(struct engine_vcpu *vcpu)
{
	return vcpu->nblocks_left && --vcpu->nblocks_left == 0;
}

static void block_starts(uc_engine *uc, uint64_t address, uint32_t size,
			 void *opaque)
{
	struct engine_vcpu *vcpu = opaque;

	engine_unicorn_enters(vcpu, address, size);
	if (vcpu->is_stopping)
		return;
	if (vcpu->engine->hook.wrote)
		note_code(vcpu, address, size);
	if (engine_unicorn_has_other_tables(vcpu) || is_kicked(vcpu) ||
	    must_report(vcpu) || vcpu->has_work ||
	    vcpu->code.nnew_blocks >= ENGINE_MAX_NEW_BLOCKS)
		stop(vcpu, address);
}

static uc_err add_hooks(struct engine_vcpu *vcpu)
{
	uc_hook hook;
	uc_err ret;

	ret = uc_hook_add(vcpu->uc, &hook, UC_HOOK_INSN, (void *)port_in, vcpu,
			  1, 0, UC_X86_INS_IN);
	if (ret == UC_ERR_OK)
		ret = uc_hook_add(vcpu->uc, &hook, UC_HOOK_INSN,
				  (void *)port_out, vcpu, 1, 0, UC_X86_INS_OUT);
	if (ret == UC_ERR_OK)
		ret = uc_hook_add(vcpu->uc, &hook, UC_HOOK_BLOCK,
				  (void *)block_starts, vcpu, 1, 0);
	if (ret == UC_ERR_OK)
		ret = engine_unicorn_hook_unemulated(vcpu);
	if (ret == UC_ERR_OK && vcpu->engine->hook.wrote)
		ret = uc_hook_add(vcpu->uc, &hook, UC_HOOK_MEM_WRITE,
				  (void *)stored, vcpu, 1, 0);
	if (ret == UC_ERR_OK)
		ret = engine_unicorn_hook_code(vcpu);
	return ret;
}

static int unicorn_create(const struct ram *ram,
			  const struct engine_ports *ports,
			  struct engine **ret_engine, struct smudge_error *err)
{
	struct engine *engine;
	int ret = engine_unicorn_load(err);

	if (ret < 0)
		return ret;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	engine->ram = ram;
	engine->add_hooks = add_hooks;
	if (ports)
		engine->ports = *ports;
	ret = engine_unicorn_make_tables(engine, err);
	if (ret < 0) {
		free(engine);
		return ret;
	}
	*ret_engine = engine;
	return 0;
}

static void unicorn_destroy(struct engine *engine)
{
	free(engine->tables);
	free(engine);
}

static void unicorn_vcpu_destroy(struct engine_vcpu *vcpu)
{
	if (!vcpu)
		return;
	for (struct engine_vcpu **link = &vcpu->engine->vcpus; *link;
	     link = &(*link)->next)
		if (*link == vcpu) {
			*link = vcpu->next;
			break;
		}
	if (vcpu->uc)
		uc_close(vcpu->uc);
	free(vcpu);
}

static int unicorn_vcpu_create(struct engine *engine, unsigned int index,
			       struct engine_vcpu **ret_vcpu,
			       struct smudge_error *err)
{
	struct engine_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int ret;

	if (!vcpu)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	vcpu->engine = engine;
	vcpu->next = engine->vcpus;
	engine->vcpus = vcpu;
	ret = engine_unicorn_open(vcpu, err);
	if (ret < 0) {
		unicorn_vcpu_destroy(vcpu);
		return ret;
	}
	*ret_vcpu = vcpu;
	return 0;
}

static void unicorn_vcpu_bind(struct engine_vcpu *vcpu)
{
}

/* Unicorn returns success after a HLT instruction. */
static bool is_after_hlt(const struct engine_vcpu *vcpu, uint64_t rip)
{
	uint8_t opcode;

	return uc_mem_read(vcpu->uc, rip - 1, &opcode, 1) == UC_ERR_OK &&
	       opcode == OPCODE_HLT;
}

static enum engine_exit leave(struct engine_vcpu *vcpu, uc_err why,
			      struct smudge_error *err)
{
	uint64_t rip = vcpu->shadow.rip;

	if (why == UC_ERR_OK && is_after_hlt(vcpu, rip)) {
		vcpu->shadow.halted = 1;
		return ENGINE_EXIT_HALT;
	}
	if (why == UC_ERR_EXCEPTION && !engine_unicorn_has_handlers(vcpu, err))
		return ENGINE_EXIT_SHUTDOWN;
	smudge_error_set(err, -EFAULT, WHERE,
			 "the guest cannot go on at 0x%llx: %s",
			 (unsigned long long)rip,
			 why == UC_ERR_OK ? "Unicorn left it without a reason"
					  : uc_strerror(why));
	return ENGINE_EXIT_ERROR;
}

struct run {
	struct engine_vcpu *vcpu;
	struct smudge_error *err;
	enum engine_exit exit;
};

/* All of a run that touches guest memory, but for devices. */
static void run_guest(void *opaque)
{
	struct run *run = opaque;
	struct engine_vcpu *vcpu = run->vcpu;
	uc_err why;

	run->exit = ENGINE_EXIT_ERROR;
	if (engine_unicorn_check_tables(vcpu->engine, vcpu->shadow.cr3,
					run->err) < 0 ||
	    engine_unicorn_invalidate(vcpu, run->err) < 0)
		return;
	vcpu->code.is_first_run = !vcpu->has_run;
	vcpu->has_run = true;
	vcpu->is_stopping = false;
	vcpu->nblocks_left = 0;
	why = uc_emu_start(vcpu->uc, vcpu->shadow.rip, 0, 0, 0);
	report_store(vcpu);
	if (vcpu->unemulated.code) {
		*run->err = vcpu->unemulated;
		return;
	}
	run->exit = ENGINE_EXIT_INTERRUPTED;
	if (vcpu->is_stopping)
		return;
	uc_reg_read(vcpu->uc, UC_X86_REG_RIP, &vcpu->shadow.rip);
	run->exit = leave(vcpu, why, run->err);
}

static enum engine_exit unicorn_vcpu_run(struct engine_vcpu *vcpu,
					 struct smudge_error *err)
{
	const struct engine_ports *ports = &vcpu->engine->ports;
	struct run run = {.vcpu = vcpu, .err = err};

	/* Unicorn was left in the middle: nothing of it can be used */
	if (!lost_memory_try(run_guest, &run)) {
		smudge_error_set(err, -EFAULT, WHERE,
				 "the guest came to memory that is lost");
		return ENGINE_EXIT_ERROR;
	}
	if (vcpu->has_work)
		ports->complete(ports->opaque);
	vcpu->has_work = false;
	return run.exit;
}

static void unicorn_vcpu_kick(struct engine_vcpu *vcpu)
{
	/* relaxed: read by is_kicked, the machine's lock orders the rest */
	atomic_store_explicit(&vcpu->is_kicked, true, memory_order_relaxed);
}

static void unicorn_vcpu_clear_kick(struct engine_vcpu *vcpu)
{
	/* relaxed: the machine's lock orders it against kicks */
	atomic_store_explicit(&vcpu->is_kicked, false, memory_order_relaxed);
}

/*
 * Code that was translated without the hook would run without it, so each
 * vCPU's Unicorn is opened again.
 */
static int unicorn_set_write_hook(struct engine *engine,
				  const struct engine_write_hook *hook,
				  struct smudge_error *err)
{
	struct vcpu_state state;
	int ret = 0;

	engine->hook = hook ? *hook : (struct engine_write_hook){0};
	for (struct engine_vcpu *vcpu = engine->vcpus; ret == 0 && vcpu;
	     vcpu = vcpu->next) {
		ret = engine_unicorn_get_state(vcpu, &state, err);
		if (ret == 0)
			ret = engine_unicorn_open(vcpu, err);
		if (ret == 0)
			ret = engine_unicorn_restore(vcpu, &state, err);
		engine_unicorn_reopened(vcpu);
	}
	return ret;
}

static const struct engine_dirty ways[] = {{"uffd", NULL, NULL},
					   {"hook", NULL, NULL}};

const struct engine_ops engine_unicorn_ops = {
	.name = "unicorn",
	.dirty = ways,
	.ndirty = sizeof(ways) / sizeof(ways[0]),
	.has_one_vcpu = true,
	.create = unicorn_create,
	.destroy = unicorn_destroy,
	.vcpu_create = unicorn_vcpu_create,
	.vcpu_destroy = unicorn_vcpu_destroy,
	.vcpu_bind = unicorn_vcpu_bind,
	.vcpu_run = unicorn_vcpu_run,
	.vcpu_kick = unicorn_vcpu_kick,
	.vcpu_clear_kick = unicorn_vcpu_clear_kick,
	.vcpu_get_state = engine_unicorn_get_state,
	.vcpu_set_state = engine_unicorn_set_state,
	.watch_code = engine_unicorn_watch_code,
	.vcpu_sync = engine_unicorn_sync,
	.code = engine_unicorn_code,
	.set_write_hook = unicorn_set_write_hook,
};
