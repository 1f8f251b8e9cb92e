/* SPDX-License-Identifier: MIT */
/*
 * The dirty rings of one VM: the handle and its vCPUs.
 *
 * A ring is shared memory of its vCPU's descriptor and stays mapped without it.
 * The kernel allows rings only to a VM without vCPUs, once, so this handle is
 * the only reader there can be.
 */
#include "source/kvm_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "sys/guard.h"
#include "sys/log.h"
#include "sys/options.h"

#define WHERE SMI_KVM_RING

/* Newer than the headers of Linux 6.1. */
#define CAP_RING_WITH_BITMAP 225
#define POPULATE_READ	     22 /* MADV_POPULATE_READ, Linux 5.14 */

#ifndef KVM_DIRTY_LOG_PAGE_OFFSET /* of architectures without rings */
#define KVM_DIRTY_LOG_PAGE_OFFSET 64
#endif

/* A batch: entries that are reset by one call. At most a quarter of a ring. */
#define MAX_BATCH   16384
#define MIN_ENTRIES 4

static int check_cap(const struct smudge_kvm_ring *ring, unsigned long cap)
{
	int ret = ioctl(ring->vm_fd, KVM_CHECK_EXTENSION, cap);

	return ret < 0 ? -errno : ret;
}

/* KVM's own rule: a page of the host's. */
static uint64_t smallest(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(struct kvm_dirty_gfn);
}

/* KVM says EINVAL to too few entries as well as to a VM that is too old. */
static const char *hint(const struct smudge_kvm_ring *ring, int code)
{
	if (code != -EINVAL)
		return "";
	if (ring->nentries < smallest())
		return " (a ring is at least a page of the host, of 16 bytes "
		       "per entry)";
	return " (has the VM rings, vCPUs or slots already, or is the ring "
	       "too small?)";
}

static int enable_cap(const struct smudge_kvm_ring *ring, uint32_t cap,
		      uint64_t value, const char *name,
		      struct smudge_error *err)
{
	struct kvm_enable_cap enable = {.cap = cap, .args = {value}};
	int ret;

	if (ioctl(ring->vm_fd, KVM_ENABLE_CAP, &enable) >= 0)
		return 0;
	ret = -errno;
	return smudge_error_set(
		err, ret, WHERE, "KVM refuses to set %s to %llu%s: %s", name,
		(unsigned long long)value, hint(ring, ret), strerror(-ret));
}

/* Which kind of ring the kernel has, and its largest size. */
static int find_rings(const struct smudge_kvm_ring *ring, uint32_t *ret_cap,
		      uint64_t *ret_max, struct smudge_error *err)
{
	uint32_t cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
	int bytes = check_cap(ring, cap);

	if (bytes == 0) {
		cap = KVM_CAP_DIRTY_LOG_RING;
		bytes = check_cap(ring, cap);
	}
	if (bytes < 0)
		return smudge_error_set(
			err, bytes, WHERE,
			"the descriptor is no KVM virtual machine: %s",
			strerror(-bytes));
	if (bytes == 0)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"this KVM has no "
					"KVM_CAP_DIRTY_LOG_RING (Linux 5.11) "
					"nor _ACQ_REL (6.1)");
	*ret_cap = cap;
	*ret_max = (uint64_t)bytes / sizeof(struct kvm_dirty_gfn);
	return 0;
}

static int choose_size(struct smudge_kvm_ring *ring, uint64_t asked,
		       uint64_t max, struct smudge_error *err)
{
	ring->nentries = asked ? asked : max;
	if (ring->nentries >= MIN_ENTRIES && ring->nentries <= max &&
	    !(ring->nentries & (ring->nentries - 1)))
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"a ring of %llu entries is not a power of two "
				"from %llu to %llu",
				(unsigned long long)ring->nentries,
				(unsigned long long)smallest(),
				(unsigned long long)max);
}

/*
 * With KVM_DIRTY_LOG_INITIALLY_SET the start of logging would arm nothing, and
 * rings have no other way to arm what is in no ring.
 */
static int disable_manual(const struct smudge_kvm_ring *ring,
			  struct smudge_error *err)
{
	if (check_cap(ring, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) <= 0)
		return 0;
	return enable_cap(ring, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 0,
			  "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", err);
}

static int enable_rings(struct smudge_kvm_ring *ring, uint64_t nentries,
			struct smudge_error *err)
{
	uint64_t max = 0;
	uint32_t cap = 0;
	int ret = find_rings(ring, &cap, &max, err);

	if (ret == 0)
		ret = choose_size(ring, nentries, max, err);
	if (ret == 0)
		ret = disable_manual(ring, err);
	if (ret == 0)
		ret = enable_cap(ring, cap,
				 ring->nentries * sizeof(struct kvm_dirty_gfn),
				 cap == KVM_CAP_DIRTY_LOG_RING
					 ? "KVM_CAP_DIRTY_LOG_RING"
					 : "KVM_CAP_DIRTY_LOG_RING_ACQ_REL",
				 err);
	if (ret < 0 || check_cap(ring, CAP_RING_WITH_BITMAP) <= 0)
		return ret;
	ring->has_bitmap = true;
	return enable_cap(ring, CAP_RING_WITH_BITMAP, 0,
			  "KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP", err);
}

static void free_vcpu(struct smudge_kvm_ring_vcpu *vcpu)
{
	munmap(vcpu->ring.entries,
	       vcpu->ring.nentries * sizeof(struct smi_ring_entry));
	free(vcpu);
}

static void destroy(void *opaque)
{
	struct smudge_kvm_ring *ring = opaque;

	while (ring->vcpus) {
		struct smudge_kvm_ring_vcpu *vcpu = ring->vcpus;

		ring->vcpus = vcpu->next;
		free_vcpu(vcpu);
	}
	if (ring->vm_fd >= 0)
		close(ring->vm_fd);
	pthread_mutex_destroy(&ring->lock);
	free(ring->pages);
	free(ring->slots);
	free(ring);
}

static int make_hub(struct smudge_kvm_ring *ring, struct smudge_error *err)
{
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops),
		.name = WHERE,
		.collect = smi_kvm_ring_collect,
		.start = smi_kvm_ring_start,
		.stop = smi_kvm_ring_stop,
		.leave = smi_kvm_ring_leave,
		.destroy = destroy,
	};
	uint64_t max_pages = ring->nentries / 4;

	ring->max_pages = max_pages < MAX_BATCH ? max_pages : MAX_BATCH;
	ring->pages = calloc(ring->max_pages, sizeof(*ring->pages));
	/* a table of pointers that stays untouched but for the ids in use */
	ring->slots = calloc(SMI_KVM_RING_NSLOTS, sizeof(*ring->slots));
	if (!ring->pages || !ring->slots)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	return smudge_hub_create(&ops, ring, &ring->hub, err);
}

int smudge_kvm_ring_create(const struct smudge_kvm_ring_options *options,
			   struct smudge_kvm_ring **ret_ring,
			   struct smudge_error *err)
{
	struct smudge_kvm_ring_options own;
	struct smudge_kvm_ring *ring;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_kvm_ring_options, nentries),
		WHERE, err);
	if (ret < 0)
		return ret;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	pthread_mutex_init(&ring->lock, NULL);
	ring->vm_fd = fcntl(own.vm_fd, F_DUPFD_CLOEXEC, 0);
	if (ring->vm_fd < 0) {
		ret = -errno;
		smudge_error_set(err, ret, WHERE,
				 "cannot duplicate descriptor %d: %s",
				 own.vm_fd, strerror(-ret));
	} else {
		ret = enable_rings(ring, own.nentries, err);
	}
	if (ret == 0)
		ret = make_hub(ring, err);
	if (ret < 0) {
		destroy(ring);
		return ret;
	}
	*ret_ring = ring;
	return 0;
}

void smudge_kvm_ring_destroy(struct smudge_kvm_ring *ring)
{
	if (ring)
		smudge_hub_destroy(ring->hub);
}

/*
 * The mapping of a descriptor that has no ring, or a smaller one, succeeds, but
 * a touch of it raises SIGBUS. Older kernels than 5.14 cannot be asked (EINVAL)
 * and are believed.
 */
static int check_mapping(void *map, size_t bytes)
{
	if (madvise(map, bytes, POPULATE_READ) == 0 || errno == EINVAL)
		return 0;
	return errno == EFAULT ? -ENODEV : -errno;
}

static int map_ring(struct smudge_kvm_ring_vcpu *vcpu, int vcpu_fd,
		    struct smudge_error *err)
{
	size_t bytes = vcpu->ring.nentries * sizeof(struct smi_ring_entry);
	off_t offset =
		(off_t)(KVM_DIRTY_LOG_PAGE_OFFSET * sysconf(_SC_PAGESIZE));
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu_fd, offset);
	int ret = 0;

	if (map == MAP_FAILED)
		ret = -errno;
	else
		ret = check_mapping(map, bytes);
	if (ret == 0) {
		vcpu->ring.entries = map;
		return 0;
	}
	if (map != MAP_FAILED)
		munmap(map, bytes);
	return smudge_error_set(err, ret, WHERE,
				"the ring of descriptor %d cannot be mapped: "
				"%s",
				vcpu_fd,
				ret == -ENODEV ? "it is no vCPU of this VM"
					       : strerror(-ret));
}

int smudge_kvm_ring_add_vcpu(struct smudge_kvm_ring *ring, int vcpu_fd,
			     struct smudge_kvm_ring_vcpu **ret_vcpu,
			     struct smudge_error *err)
{
	struct smudge_kvm_ring_vcpu *vcpu;
	int ret;

	smudge_error_clear(err);
	vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	vcpu->handle = ring;
	vcpu->ring.nentries = ring->nentries;
	vcpu->reset_when_full = UINT64_MAX;
	ret = map_ring(vcpu, vcpu_fd, err);
	if (ret < 0) {
		free(vcpu);
		return ret;
	}
	SMI_SYS_GUARD(&ring->lock);
	vcpu->next = ring->vcpus;
	ring->vcpus = vcpu;
	*ret_vcpu = vcpu;
	return 0;
}

static bool unlink_vcpu(struct smudge_kvm_ring_vcpu *vcpu)
{
	struct smudge_kvm_ring_vcpu **link = &vcpu->handle->vcpus;

	SMI_SYS_GUARD(&vcpu->handle->lock);
	/* what was flagged must be counted when it is reset after all */
	if (vcpu->ring.reset < vcpu->ring.fetch)
		return false;
	while (*link != vcpu)
		link = &(*link)->next;
	*link = vcpu->next;
	return true;
}

void smudge_kvm_ring_remove_vcpu(struct smudge_kvm_ring_vcpu *vcpu)
{
	/* the hub makes everything dirty if it fails */
	if (vcpu && smudge_hub_collect(vcpu->handle->hub, NULL) <= 0 &&
	    unlink_vcpu(vcpu))
		free_vcpu(vcpu);
}

/*
 * Two exits in a row between which nothing was in the ring: the kernel counts
 * entries that it never pushed. Only after an overflow.
 */
static void enter_full(struct smudge_kvm_ring_vcpu *vcpu)
{
	SMI_SYS_GUARD(&vcpu->handle->lock);
	vcpu->handle->stats.full++;
	vcpu->is_stuck = vcpu->ring.has_overflowed &&
			 vcpu->ring.reset == vcpu->reset_when_full;
}

static void leave_full(struct smudge_kvm_ring_vcpu *vcpu)
{
	SMI_SYS_GUARD(&vcpu->handle->lock);
	vcpu->reset_when_full = vcpu->ring.reset;
}

int smudge_kvm_ring_full(struct smudge_kvm_ring_vcpu *vcpu,
			 struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	int ret;

	enter_full(vcpu);
	ret = smudge_hub_collect(vcpu->handle->hub, err);
	leave_full(vcpu);
	return ret;
}

int smudge_kvm_ring_stats(struct smudge_kvm_ring *ring,
			  struct smudge_kvm_ring_stats *stats)
{
	SMI_SYS_GUARD(&ring->lock);
	ring->stats.nentries = ring->nentries;
	return smi_sys_stats_copy(
		stats, &ring->stats,
		SMI_SYS_SHAPE(smudge_kvm_ring_stats, overflows));
}
