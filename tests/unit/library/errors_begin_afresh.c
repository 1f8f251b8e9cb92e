/* SPDX-License-Identifier: MIT */
/*
 * Every public call that takes a struct smudge_error begins with clearing it:
 * it is called with an error that holds an earlier call's sentence, and one
 * that holds nonsense. A success leaves nothing in it, a failure its own code
 * and sentence. scripts/check-errors.py checks that the table has every call.
 */
#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

#include "afresh_calls.h"
#include "fake_source.h"

#define NPAGES 64

/* One memory for all calls: a watched region with a source, and a screen. */
static struct world {
	struct smudge_memory *memory, *empty;
	struct smudge_region *region;
	struct smudge_region *screen; /* of real memory */
	struct fake_source fake, other;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct smudge_display *display;
	struct smudge_code *code;
} world;

static const struct smudge_display_mode mode = {
	.size = sizeof(mode),
	.stride_bytes = 256,
	.width = 64,
	.height = 64,
};

static void open_world(struct world *w)
{
	const struct smudge_code_options how = {
		.size = sizeof(how), .regions = &w->region, .nregions = 1};
	struct smudge_region_options screen = {.size = sizeof(screen),
					       .name = "screen",
					       .gpa = UINT64_C(1) << 40,
					       .size_bytes = NPAGES << 12};

	screen.hva = mmap(NULL, NPAGES << 12, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(screen.hva != MAP_FAILED);
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	assert_int_equal(smudge_memory_create(&w->empty), 0);
	w->region = fake_region(w->memory, 0, NPAGES);
	assert_int_equal(
		smudge_region_add(w->memory, &screen, &w->screen, NULL), 0);
	fake_create(&w->fake, true);
	fake_create(&w->other, true);
	assert_int_equal(
		smudge_region_attach(w->region, w->fake.source, 0, 0, NULL), 0);
	w->client = fake_client(w->memory, "me", false);
	assert_int_equal(smudge_batch_create(1, &w->batch, NULL), 0);
	assert_int_equal(smudge_display_open(w->memory, w->screen, &mode,
					     &w->display, NULL),
			 0);
	assert_int_equal(smudge_code_open(w->memory, &how, &w->code, NULL), 0);
}

static void close_world(struct world *w)
{
	void *hva = smudge_region_hva(w->screen);

	smudge_code_close(w->code);
	smudge_display_close(w->display);
	assert_int_equal(smudge_batch_destroy(w->batch), 0);
	assert_int_equal(smudge_client_close(w->client), 0);
	fake_destroy(&w->fake);
	fake_destroy(&w->other);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
	assert_int_equal(smudge_memory_destroy(w->empty, NULL), 0);
	munmap(hva, NPAGES << 12);
}

static int client_open(bool fails, struct smudge_error *err)
{
	const struct smudge_client_options o = {.size = sizeof(o),
						.name = fails ? NULL : "other"};
	struct smudge_client *client;
	int ret = smudge_client_open(world.memory, &o, &client, err);

	if (ret == 0)
		assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

static int client_take(bool fails, struct smudge_error *err)
{
	int ret = smudge_client_take(world.client, world.region, 0,
				     NPAGES + fails, world.batch, err);

	assert_int_equal(smudge_client_return(world.client, world.batch), 0);
	return ret;
}

static int client_take_next(bool fails, struct smudge_error *err)
{
	struct smudge_run rest = {0, NPAGES + fails};
	int ret = smudge_client_take_next(world.client, world.region, &rest, 1,
					  world.batch, err);

	assert_int_equal(smudge_client_return(world.client, world.batch), 0);
	return ret < 0 ? ret : 0;
}

static int client_skip(bool fails, struct smudge_error *err)
{
	return smudge_client_skip(world.client, world.region, 0, NPAGES + fails,
				  err);
}

static int code_open(bool fails, struct smudge_error *err)
{
	const struct smudge_code_options o = {.size = fails ? 0 : sizeof(o)};
	struct smudge_code *code;
	int ret = smudge_code_open(world.memory, &o, &code, err);

	if (ret == 0)
		smudge_code_close(code);
	return ret;
}

static int code_add(bool fails, struct smudge_error *err)
{
	return smudge_code_add(world.code, fails ? UINT64_C(1) << 50 : 8, 8,
			       UINT64_MAX, err);
}

static int display_open(bool fails, struct smudge_error *err)
{
	struct smudge_display_mode how = mode;
	struct smudge_display *display;
	int ret;

	how.width += fails;
	ret = smudge_display_open(world.memory, world.screen, &how, &display,
				  err);
	if (ret == 0)
		smudge_display_close(display);
	return ret;
}

static int display_set_mode(bool fails, struct smudge_error *err)
{
	struct smudge_display_mode how = mode;

	how.height = fails ? 0 : 32;
	return smudge_display_set_mode(world.display, &how, err);
}

static int display_refresh(bool fails, struct smudge_error *err)
{
	struct smudge_rect rects[4];
	size_t nrects;

	return smudge_display_refresh(world.display, rects, fails ? 0 : 4,
				      &nrects, err);
}

static int memory_harvest(bool fails, struct smudge_error *err)
{
	world.fake.harvest_error = fails ? -ENXIO : 0;
	return smudge_memory_harvest(world.memory, err);
}

static int region_harvest(bool fails, struct smudge_error *err)
{
	world.fake.harvest_error = fails ? -ENXIO : 0;
	return smudge_region_harvest(world.region, err);
}

static int memory_harvest_quiesced(bool fails, struct smudge_error *err)
{
	world.fake.harvest_error = fails ? -ENXIO : 0;
	return smudge_memory_harvest_quiesced(world.memory, err);
}

static int region_harvest_quiesced(bool fails, struct smudge_error *err)
{
	world.fake.harvest_error = fails ? -ENXIO : 0;
	return smudge_region_harvest_quiesced(world.region, err);
}

/*
 * A look fails, since the fake source has none; it succeeds in a memory without
 * a source.
 */
static int memory_look(bool fails, struct smudge_error *err)
{
	return smudge_memory_look(fails ? world.memory : world.empty, err);
}

static int region_look(bool fails, struct smudge_error *err)
{
	return smudge_region_look(fails ? world.region : world.screen, err);
}

static int region_attach(bool fails, struct smudge_error *err)
{
	int ret = smudge_region_attach(world.region, world.other.source,
				       fails ? NPAGES : 0, 0, err);

	if (ret == 0)
		assert_int_equal(smudge_source_detach(world.other.source, NULL),
				 0);
	return ret;
}

static int region_resize(bool fails, struct smudge_error *err)
{
	return smudge_region_resize(world.region, NPAGES + fails, err);
}

static int source_detach(bool fails, struct smudge_error *err)
{
	assert_int_equal(smudge_region_attach(world.region, world.other.source,
					      0, 0, NULL),
			 0);
	world.other.harvest_error = fails ? -ENXIO : 0;
	return smudge_source_detach(world.other.source, err);
}

static const struct call {
	const char *name;
	int (*call)(bool fails, struct smudge_error *err);
} calls[] = {
	{"smudge_batch_create", afresh_batch_create},
	{"smudge_bitmap_create", afresh_bitmap_create},
	{"smudge_checkpoint_add_blob", afresh_checkpoint_add_blob},
	{"smudge_checkpointer_create", afresh_checkpointer_create},
	{"smudge_checkpointer_prune", afresh_checkpointer_prune},
	{"smudge_checkpointer_save", afresh_checkpointer_save},
	{"smudge_checkpointer_wait", afresh_checkpointer_wait},
	{"smudge_client_open", client_open},
	{"smudge_client_skip", client_skip},
	{"smudge_client_take", client_take},
	{"smudge_client_take_next", client_take_next},
	{"smudge_chain_diff", afresh_chain_diff},
	{"smudge_chain_layer", afresh_chain_layer},
	{"smudge_chain_next_data", afresh_chain_next_data},
	{"smudge_chain_open", afresh_chain_open},
	{"smudge_chain_open_disk", afresh_chain_open_disk},
	{"smudge_chain_read", afresh_chain_read},
	{"smudge_chain_verify", afresh_chain_verify},
	{"smudge_code_add", code_add},
	{"smudge_code_open", code_open},
	{"smudge_display_open", display_open},
	{"smudge_display_refresh", display_refresh},
	{"smudge_display_set_mode", display_set_mode},
	{"smudge_hub_collect", afresh_hub_collect},
	{"smudge_hub_create", afresh_hub_create},
	{"smudge_hub_join", afresh_hub_join},
	{"smudge_kvm_create", afresh_kvm_create},
	{"smudge_kvm_log_create", afresh_kvm_log_create},
	{"smudge_kvm_ring_add_vcpu", afresh_kvm_ring_add_vcpu},
	{"smudge_kvm_ring_create", afresh_kvm_ring_create},
	{"smudge_kvm_ring_full", afresh_kvm_ring_full},
	{"smudge_kvm_ring_slot", afresh_kvm_ring_slot},
	{"smudge_layers_each", afresh_layers_each},
	{"smudge_layers_prune", afresh_layers_prune},
	{"smudge_log_open", afresh_log_open},
	{"smudge_memory_destroy", afresh_memory_destroy},
	{"smudge_memory_harvest", memory_harvest},
	{"smudge_memory_harvest_quiesced", memory_harvest_quiesced},
	{"smudge_memory_look", memory_look},
	{"smudge_migrate_forecast", afresh_migrate_forecast},
	{"smudge_migrate_receive", afresh_migrate_receive},
	{"smudge_migrate_send", afresh_migrate_send},
	{"smudge_migration_create", afresh_migration_create},
	{"smudge_migration_set_limits", afresh_migration_set_limits},
	{"smudge_lazy_end", afresh_lazy_end},
	{"smudge_lazy_wait", afresh_lazy_wait},
	{"smudge_pager_create", afresh_pager_create},
	{"smudge_pager_failure", afresh_pager_failure},
	{"smudge_pager_install", afresh_pager_install},
	{"smudge_process_close", afresh_process_close},
	{"smudge_process_continue", afresh_process_continue},
	{"smudge_process_each_thread", afresh_process_each_thread},
	{"smudge_process_each_writer", afresh_process_each_writer},
	{"smudge_process_harvest", afresh_process_harvest},
	{"smudge_process_harvest_quiesced", afresh_process_harvest_quiesced},
	{"smudge_process_look", afresh_process_look},
	{"smudge_process_open", afresh_process_open},
	{"smudge_process_stop", afresh_process_stop},
	{"smudge_region_add", afresh_region_add},
	{"smudge_region_attach", region_attach},
	{"smudge_region_discard", afresh_region_discard},
	{"smudge_region_harvest", region_harvest},
	{"smudge_region_harvest_quiesced", region_harvest_quiesced},
	{"smudge_region_look", region_look},
	{"smudge_region_next_populated", afresh_region_next_populated},
	{"smudge_region_read", afresh_region_read},
	{"smudge_region_read_bytes", afresh_region_read_bytes},
	{"smudge_region_remove", afresh_region_remove},
	{"smudge_region_resize", region_resize},
	{"smudge_restore", afresh_restore},
	{"smudge_restore_lazily", afresh_restore_lazily},
	{"smudge_source_create", afresh_source_create},
	{"smudge_source_detach", source_detach},
	{"smudge_uffd_create", afresh_uffd_create},
	{"smudge_soft_dirty_create", afresh_soft_dirty_create},
	{"smudge_mprotect_create", afresh_mprotect_create},
	{"smudge_vhost_log_create", afresh_vhost_log_create},
};

#define NCALLS (sizeof(calls) / sizeof(calls[0]))

static void make_stale(struct smudge_error *err, bool makes_sense)
{
	memset(err, 0xa5, sizeof(*err));
	if (!makes_sense)
		return;
	smudge_error_clear(err);
	smudge_error_set(err, -ENOENT, "test", AFRESH_STALE);
	smudge_error_at(err, 77, 88);
	err->stream_offset_bytes = 99;
}

static void expect_failure(const struct call *call, bool makes_sense)
{
	struct smudge_error err;
	int ret;

	make_stale(&err, makes_sense);
	ret = call->call(true, &err);
	if (ret == AFRESH_SKIP) {
		print_message("# %s: not on this machine\n", call->name);
		return;
	}
	if (ret >= 0 || err.code != ret || !err.message[0] ||
	    strstr(err.message, AFRESH_STALE) || err.region == 77)
		fail_msg("%s returned %d, the error has %d \"%s\" (region %d)",
			 call->name, ret, err.code, err.message,
			 (int)err.region);
}

static void expect_success(const struct call *call, bool makes_sense)
{
	struct smudge_error err;
	int ret;

	make_stale(&err, makes_sense);
	ret = call->call(false, &err);
	if (ret == AFRESH_SKIP) {
		print_message("# %s: not on this machine\n", call->name);
		return;
	}
	if (ret || err.code || err.message[0] || err.where[0] || err.page ||
	    err.region != SMUDGE_NO_REGION || err.stream_offset_bytes)
		fail_msg("%s returned %d, the error has %d \"%s\"", call->name,
			 ret, err.code, err.message);
}

static void calls_begin_afresh(void **state)
{
	open_world(&world);
	for (size_t i = 0; i < NCALLS; i++) {
		for (int makes_sense = 0; makes_sense < 2; makes_sense++) {
			expect_failure(&calls[i], makes_sense);
			expect_success(&calls[i], makes_sense);
		}
	}
	close_world(&world);
}

TEST_MAIN(calls_begin_afresh)
