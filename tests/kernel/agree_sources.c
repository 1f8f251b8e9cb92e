/* SPDX-License-Identifier: MIT */
/*
 * The table of sources: a row for each, with what it reports. A new source is a
 * new row.
 */
#include "agree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/mprotect.h>
#include <smudge/soft_dirty.h>
#include <smudge/vhost_log.h>

#define SMALL	  4096
#define LOG_BYTES (((TINY_RAM_GPA + AGREE_MAX_BYTES) / SMALL + 63) / 64 * 8)

static void create_uffd(struct agree_watcher *w,
			const struct agree_world *world)
{
	struct smudge_error err = {0};

	if (smudge_uffd_create(&w->source, &err) < 0)
		fail_msg("%s", err.message);
}

static void create_mprotect(struct agree_watcher *w,
			    const struct agree_world *world)
{
	struct smudge_error err = {0};

	if (smudge_mprotect_create(&w->source, &err) < 0)
		fail_msg("%s", err.message);
}

/* Nothing writes during a harvest: the test has one thread. */
static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

static const struct smudge_soft_dirty_options soft_dirty_options = {
	.size = sizeof(soft_dirty_options),
	.quiesce = quiesce,
	.resume = resume,
};

static void need_soft_dirty(void)
{
	struct smudge_source *source;
	struct smudge_error err = {0};
	int ret = smudge_soft_dirty_create(&soft_dirty_options, &source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("soft-dirty", err.message);
	if (ret < 0)
		fail_msg("%s", err.message);
	smudge_source_destroy(source);
}

static void create_soft_dirty(struct agree_watcher *w,
			      const struct agree_world *world)
{
	struct smudge_error err = {0};

	if (smudge_soft_dirty_create(&soft_dirty_options, &w->source, &err) < 0)
		fail_msg("%s", err.message);
}

static void create_log(struct agree_watcher *w, const struct agree_world *world,
		       enum smudge_kvm_log_mode mode)
{
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .vm_fd = world->vm.vm_fd,
					     .mode = mode};
	struct smudge_kvm_slot slot = tiny_vm_slot(&world->vm);
	struct smudge_error err = {0};
	int ret = smudge_kvm_create(&options, &w->kvm, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("kvm", err.message);
	if (ret < 0 ||
	    smudge_kvm_log_create(w->kvm, &slot, &w->source, &err) < 0)
		fail_msg("%s", err.message);
}

static void create_legacy(struct agree_watcher *w,
			  const struct agree_world *world)
{
	create_log(w, world, SMUDGE_KVM_LOG_LEGACY);
}

static void create_manual(struct agree_watcher *w,
			  const struct agree_world *world)
{
	create_log(w, world, SMUDGE_KVM_LOG_MANUAL);
}

static void destroy_kvm(struct agree_watcher *w)
{
	smudge_kvm_destroy(w->kvm);
}

static void create_ring(struct agree_watcher *w,
			const struct agree_world *world)
{
	struct smudge_kvm_slot slot = tiny_vm_slot(&world->vm);
	struct smudge_error err = {0};

	if (smudge_kvm_ring_slot(world->vm.ring, &slot, &w->source, &err) < 0)
		fail_msg("%s", err.message);
}

static void create_vhost(struct agree_watcher *w,
			 const struct agree_world *world)
{
	struct smudge_vhost_log_options options = {.size = sizeof(options),
						   .log_bytes = LOG_BYTES};
	struct smudge_error err = {0};

	w->log = aligned_alloc(SMALL, (LOG_BYTES + SMALL - 1) / SMALL * SMALL);
	assert_non_null(w->log);
	memset(w->log, 0, LOG_BYTES);
	options.log = w->log;
	if (smudge_vhost_log_create(&options, &w->source, &err) < 0)
		fail_msg("%s", err.message);
}

static void log_write(struct agree_watcher *w, const struct agree_event *e)
{
	assert_int_equal(smudge_vhost_log_mark(w->log, LOG_BYTES,
					       TINY_RAM_GPA + e->offset,
					       e->length),
			 0);
}

static void destroy_vhost(struct agree_watcher *w)
{
	free(w->log);
}

static void mark_write(struct agree_watcher *w, const struct agree_event *e)
{
	smudge_memory_mark_gpa(w->track.memory, TINY_RAM_GPA + e->offset,
			       e->length);
}

static void create_guard(struct agree_watcher *w,
			 const struct agree_world *world)
{
	w->source = agree_guard_create();
}

/* What a program marks or logs itself is all that it knows of. */
const struct agree_source agree_sources[] = {
	{
		.name = "uffd",
		.sees = AGREE_ALL,
		.need = test_need_uffd,
		.create = create_uffd,
	},
	{
		.name = "kvm_log legacy",
		.sees = AGREE_BIT(AGREE_GUEST),
		.looks = AGREE_NO_LOOKS,
		.vm = AGREE_VM_LOG_LEGACY,
		.create = create_legacy,
		.destroy = destroy_kvm,
	},
	{
		.name = "kvm_log manual",
		.sees = AGREE_BIT(AGREE_GUEST),
		.vm = AGREE_VM_LOG_MANUAL,
		.create = create_manual,
		.destroy = destroy_kvm,
	},
	{
		.name = "kvm_ring",
		.sees = AGREE_BIT(AGREE_GUEST),
		.vm = AGREE_VM_RING,
		.create = create_ring,
	},
	{
		.name = "vhost_log",
		.sees = AGREE_ALL,
		.create = create_vhost,
		.after = log_write,
		.destroy = destroy_vhost,
	},
	{
		.name = "marks",
		.sees = AGREE_ALL,
		.looks = AGREE_MARKS,
		.after = mark_write,
	},
	{
		.name = "soft_dirty",
		.sees = AGREE_ALL & ~AGREE_BIT(AGREE_DISCARD),
		.refuses = AGREE_BIT(AGREE_SHARED_MEMFD) |
			   AGREE_BIT(AGREE_PRIVATE_HUGETLB) |
			   AGREE_BIT(AGREE_SHARED_HUGETLB),
		.over_reports = AGREE_BIT(AGREE_THP),
		.need = need_soft_dirty,
		.create = create_soft_dirty,
	},
	{
		.name = "mprotect",
		.sees = AGREE_BIT(AGREE_STORE) | AGREE_BIT(AGREE_COPY),
		.protects = true,
		.create = create_mprotect,
	},
	{
		.name = "source of one's own",
		.sees = AGREE_BIT(AGREE_STORE) | AGREE_BIT(AGREE_COPY),
		.protects = true,
		.create = create_guard,
	},
};
const size_t agree_nsources = sizeof(agree_sources) / sizeof(agree_sources[0]);
