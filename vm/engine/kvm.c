/* SPDX-License-Identifier: MIT */
/*
 * The KVM engine: one VM, a slot per RAM piece, a descriptor per vCPU.
 *
 * A kick sets immediate_exit and sends SIGUSR1, whose handler (the machine
 * installs it) does nothing. KVM_RUN then returns EINTR at once, also when the
 * signal came before the call. KVM completes a port access only at the next
 * KVM_RUN. So after one, vcpu_run always re-enters, and it leaves the guest
 * through EINTR, which completes the access first.
 */
#include "engine/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/error.h>
#include <smudge/kvm_ring.h>

#include "common/kvm_device.h"
#include "common/kvm_vm.h"

#define WHERE	    "kvm"
#define API_VERSION 12
#define MAX_CPUID   256
#define TSS_GPA	    0xfffbd000ul /* three pages in the hole, for Intel */

static int refuse(struct smudge_error *err, int code, const char *what)
{
	return smudge_error_set(err, code, WHERE, "KVM refuses: %s: %s", what,
				strerror(-code));
}

static int open_kvm(struct smudge_error *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, WHERE,
					"/dev/kvm cannot be opened: %s%s",
					strerror(-ret), kvm_device_hint(-ret));
	}
	if (ioctl(fd, KVM_GET_API_VERSION, 0) != API_VERSION ||
	    ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY) <= 0 ||
	    ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT) <= 0) {
		close(fd);
		return smudge_error_set(err, -ENODEV, WHERE,
					"/dev/kvm is older than Linux 4.13's "
					"or no KVM at all");
	}
	return fd;
}

static int add_slot(int vm_fd, const struct ram_piece *piece,
		    struct smudge_error *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = piece->slot,
		.guest_phys_addr = piece->gpa,
		.memory_size = piece->size_bytes,
		.userspace_addr = (uintptr_t)piece->hva,
	};

	if (ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return refuse(err, -errno, "a memory slot");
	return 0;
}

static int setup_vm(struct engine *engine, const struct ram *ram,
		    struct smudge_error *err)
{
	int size = ioctl(engine->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	int ret;

	if (size < (int)sizeof(struct kvm_run))
		return refuse(err, -ENODEV, "the size of a vCPU's area");
	engine->run_bytes = (size_t)size;
	engine->vm_fd = kvm_vm_create(engine->kvm_fd);
	if (engine->vm_fd < 0)
		return refuse(err, engine->vm_fd, "a virtual machine");
	if (ioctl(engine->vm_fd, KVM_SET_TSS_ADDR, TSS_GPA) < 0)
		return refuse(err, -errno, "the place of its TSS");
	for (size_t i = 0; i < ram->npieces; i++) {
		ret = add_slot(engine->vm_fd, &ram->pieces[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void kvm_destroy(struct engine *engine)
{
	if (!engine)
		return;
	smudge_kvm_ring_destroy(engine->ring);
	if (engine->vm_fd >= 0)
		close(engine->vm_fd);
	close(engine->kvm_fd);
	free(engine);
}

static int kvm_create(const struct ram *ram, const struct engine_ports *ports,
		      struct engine **ret_engine, struct smudge_error *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int ret;

	if (!engine)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	engine->vm_fd = -1;
	engine->kvm_fd = open_kvm(err);
	if (engine->kvm_fd < 0) {
		ret = engine->kvm_fd;
		free(engine);
		return ret;
	}
	ret = setup_vm(engine, ram, err);
	if (ret < 0) {
		kvm_destroy(engine);
		return ret;
	}
	if (ports)
		engine->ports = *ports;
	*ret_engine = engine;
	return 0;
}

static void kvm_expect_restore(struct engine *engine)
{
	engine->expects_restore = true;
}

static int set_cpuid(const struct engine_vcpu *vcpu, struct smudge_error *err)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) +
				  MAX_CPUID * sizeof(struct kvm_cpuid_entry2));
	int ret = 0;

	if (!cpuid)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	cpuid->nent = MAX_CPUID;
	if (ioctl(vcpu->engine->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		ret = refuse(err, -errno, "the processor's features");
	free(cpuid);
	return ret;
}

static void kvm_vcpu_destroy(struct engine_vcpu *vcpu)
{
	if (!vcpu)
		return;
	smudge_kvm_ring_remove_vcpu(vcpu->ring);
	if (vcpu->run)
		munmap(vcpu->run, vcpu->engine->run_bytes);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	free(vcpu);
}

static int kvm_vcpu_create(struct engine *engine, unsigned int index,
			   struct engine_vcpu **ret_vcpu,
			   struct smudge_error *err)
{
	struct engine_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	void *run;
	int ret;

	if (!vcpu)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	vcpu->engine = engine;
	vcpu->fd = ioctl(engine->vm_fd, KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0) {
		ret = refuse(err, -errno, "a vCPU");
		goto fail;
	}
	run = mmap(NULL, engine->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu->fd, 0);
	if (run == MAP_FAILED) {
		ret = refuse(err, -errno, "a vCPU's shared area");
		goto fail;
	}
	vcpu->run = run;
	ret = set_cpuid(vcpu, err);
	if (ret == 0 && engine->ring)
		ret = smudge_kvm_ring_add_vcpu(engine->ring, vcpu->fd,
					       &vcpu->ring, err);
	if (ret < 0)
		goto fail;
	*ret_vcpu = vcpu;
	return 0;
fail:
	kvm_vcpu_destroy(vcpu);
	return ret;
}

static void kvm_vcpu_bind(struct engine_vcpu *vcpu)
{
	vcpu->thread = pthread_self();
	/* release: pairs with the load in kvm_vcpu_kick */
	atomic_store_explicit(&vcpu->is_bound, true, memory_order_release);
}

static void port_access(struct engine_vcpu *vcpu)
{
	const struct engine_ports *ports = &vcpu->engine->ports;
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool has_work = false;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint32_t value = 0;

		/* x86 is little-endian: the low bytes are the value */
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, run->io.size);
			has_work |= ports->out(ports->opaque, run->io.port,
					       run->io.size, value);
		} else {
			value = ports->in(ports->opaque, run->io.port,
					  run->io.size);
			memcpy(data, &value, run->io.size);
		}
	}
	if (has_work)
		ports->complete(ports->opaque);
}

static enum engine_exit report_exit(const struct kvm_run *run,
				    struct smudge_error *err)
{
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		smudge_error_set(err, -EFAULT, WHERE,
				 "the guest accessed address 0x%llx, where "
				 "there is nothing",
				 (unsigned long long)run->mmio.phys_addr);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		smudge_error_set(
			err, -EIO, WHERE,
			"the processor refuses to enter the guest (0x%llx)",
			(unsigned long long)
				run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		smudge_error_set(err, -EIO, WHERE,
				 "KVM could not go on with the guest "
				 "(suberror %u)",
				 run->internal.suberror);
		break;
	default:
		smudge_error_set(err, -EIO, WHERE,
				 "KVM left the guest for a reason unknown "
				 "here (%u)",
				 run->exit_reason);
		break;
	}
	return ENGINE_EXIT_ERROR;
}

static enum engine_exit kvm_vcpu_run(struct engine_vcpu *vcpu,
				     struct smudge_error *err)
{
	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				return ENGINE_EXIT_INTERRUPTED;
			refuse(err, -errno, "to run the guest");
			return ENGINE_EXIT_ERROR;
		}
		switch (vcpu->run->exit_reason) {
		case KVM_EXIT_IO:
			port_access(vcpu);
			break;
		case KVM_EXIT_INTR:
			return ENGINE_EXIT_INTERRUPTED;
		case KVM_EXIT_HLT:
			vcpu->is_halted = true;
			return ENGINE_EXIT_HALT;
		case KVM_EXIT_SHUTDOWN:
			return ENGINE_EXIT_SHUTDOWN;
		case KVM_EXIT_DIRTY_RING_FULL:
			if (engine_kvm_ring_full(vcpu, err) < 0)
				return ENGINE_EXIT_ERROR;
			break;
		default:
			return report_exit(vcpu->run, err);
		}
	}
}

static void kvm_vcpu_kick(struct engine_vcpu *vcpu)
{
	/*
	 * A plain byte that the kernel reads in the next KVM_RUN, so no
	 * atomic type. Relaxed: the signal orders it.
	 */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
	/* acquire: pairs with the store in kvm_vcpu_bind */
	if (atomic_load_explicit(&vcpu->is_bound, memory_order_acquire))
		pthread_kill(vcpu->thread, SIGUSR1);
}

static void kvm_vcpu_clear_kick(struct engine_vcpu *vcpu)
{
	/* relaxed: the machine's lock orders it against kicks */
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_RELAXED);
}

static const struct engine_dirty ways[] = {
	{"kvm-manual", engine_kvm_log_manual, NULL},
	{"kvm-legacy", engine_kvm_log_legacy, NULL},
	{"uffd", NULL, NULL},
	{"kvm-ring", engine_kvm_ring, engine_kvm_ring_prepare},
};

const struct engine_ops engine_kvm_ops = {
	.name = "kvm",
	.dirty = ways,
	.ndirty = sizeof(ways) / sizeof(ways[0]),
	.create = kvm_create,
	.destroy = kvm_destroy,
	.expect_restore = kvm_expect_restore,
	.vcpu_create = kvm_vcpu_create,
	.vcpu_destroy = kvm_vcpu_destroy,
	.vcpu_bind = kvm_vcpu_bind,
	.vcpu_run = kvm_vcpu_run,
	.vcpu_kick = kvm_vcpu_kick,
	.vcpu_clear_kick = kvm_vcpu_clear_kick,
	.vcpu_get_state = engine_kvm_get_state,
	.vcpu_set_state = engine_kvm_set_state,
};
