/* SPDX-License-Identifier: MIT */
/*
 * The calls of KVM's dirty rings, with a virtual machine that does not run.
 */
#include "support.h"

#include "afresh_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/kvm_ring.h>

#include "source/kvm_ring.h"
#include "common/kvm_vm.h"

struct machine {
	int vm_fd, vcpu_fd;
	struct smudge_kvm_ring *ring;
	struct smudge_kvm_ring_vcpu *vcpu;
};

static bool open_machine(struct machine *m)
{
	struct smudge_kvm_ring_options o = {.size = sizeof(o)};
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	*m = (struct machine){-1, -1, NULL, NULL};
	if (kvm_fd < 0)
		return false;
	m->vm_fd = kvm_vm_create(kvm_fd);
	close(kvm_fd);
	o.vm_fd = m->vm_fd;
	if (smudge_kvm_ring_create(&o, &m->ring, NULL) == 0)
		m->vcpu_fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, 0);
	return m->vcpu_fd >= 0;
}

static void close_machine(struct machine *m)
{
	smudge_kvm_ring_remove_vcpu(m->vcpu);
	smudge_kvm_ring_destroy(m->ring);
	if (m->vcpu_fd >= 0)
		close(m->vcpu_fd);
	if (m->vm_fd >= 0)
		close(m->vm_fd);
}

/* A second handle of a VM is refused. */
int afresh_kvm_ring_create(bool fails, struct smudge_error *err)
{
	struct smudge_kvm_ring_options o = {.size = sizeof(o)};
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm_fd = kvm_vm_create(kvm_fd);
	struct smudge_kvm_ring *ring;
	int ret;

	if (kvm_fd >= 0)
		close(kvm_fd);
	if (vm_fd < 0) /* an emulator of programs opens the device, too */
		return AFRESH_SKIP;
	o.vm_fd = fails ? -1 : vm_fd;
	ret = smudge_kvm_ring_create(&o, &ring, err);
	close(vm_fd);
	if (ret == 0)
		smudge_kvm_ring_destroy(ring);
	return ret == -EOPNOTSUPP ? AFRESH_SKIP : ret;
}

int afresh_kvm_ring_add_vcpu(bool fails, struct smudge_error *err)
{
	struct machine m;
	int ret = AFRESH_SKIP;

	if (open_machine(&m))
		ret = smudge_kvm_ring_add_vcpu(m.ring, fails ? -1 : m.vcpu_fd,
					       &m.vcpu, err);
	close_machine(&m);
	return ret;
}

/* The kernel is not there to reset an entry. */
static void spoil(struct machine *m)
{
	close(m->ring->vm_fd);
	m->ring->vm_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Relaxed: one thread. */
	atomic_store_explicit(&m->vcpu->ring.entries[0].flags,
			      KVM_DIRTY_GFN_F_DIRTY, memory_order_relaxed);
}

int afresh_kvm_ring_full(bool fails, struct smudge_error *err)
{
	struct machine m;
	int ret = AFRESH_SKIP;

	if (open_machine(&m) &&
	    smudge_kvm_ring_add_vcpu(m.ring, m.vcpu_fd, &m.vcpu, NULL) == 0) {
		if (fails)
			spoil(&m);
		ret = smudge_kvm_ring_full(m.vcpu, err);
	}
	close_machine(&m);
	return ret;
}

int afresh_kvm_ring_slot(bool fails, struct smudge_error *err)
{
	const struct smudge_kvm_slot slot = {.size = sizeof(slot),
					     .size_bytes = fails ? 1 : 1 << 20};
	struct smudge_source *source;
	struct machine m;
	int ret = AFRESH_SKIP;

	if (open_machine(&m))
		ret = smudge_kvm_ring_slot(m.ring, &slot, &source, err);
	if (ret == 0)
		smudge_source_destroy(source);
	close_machine(&m);
	return ret;
}
