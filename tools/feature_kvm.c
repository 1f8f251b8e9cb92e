/* SPDX-License-Identifier: MIT */
/*
 * KVM's log and rings, tried with a virtual machine of one vCPU that stores to
 * a page and halts.
 */
#include "feature.h"

#include "feature_scrap.h"

#include "common/kvm_device.h"

#include <smudge/smudge.h>

#include <errno.h>
#include <string.h>

#define WHERE "features"

#ifdef __x86_64__

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include "common/kvm_vm.h"

/* A place for Intel's real mode, away from the scrap. */
#define TSS_GPA 0xfffbd000UL

/* Behind the scrap, which is at address 0. */
#define CODE_GPA 0x8000UL

/* In real mode. */
static const unsigned char guest[] = {
	0xb8, 0x00, SCRAP_WRITTEN,	       /* mov ax, 0x0300    */
	0x8e, 0xc0,			       /* mov es, ax        */
	0x26, 0xfe, 0x06,	   0x00, 0x00, /* inc byte [es:0]   */
	0xf4,				       /* hlt               */
};

struct vm {
	struct scrap scrap;
	int vm_fd;
	int vcpu_fd;
	struct kvm_run *run;
	struct smudge_kvm_slot slot;
};

static int refused(struct smudge_error *err, const char *what)
{
	int ret = -errno;

	return smudge_error_set(err, ret, WHERE, "KVM refuses %s: %s", what,
				strerror(-ret));
}

static int open_vm(struct vm *vm, struct smudge_error *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, WHERE,
					"/dev/kvm cannot be opened: %s%s",
					strerror(-ret), kvm_device_hint(-ret));
	}
	vm->vm_fd = kvm_vm_create(fd);
	if (vm->vm_fd < 0) {
		errno = -vm->vm_fd;
		return refused(err, "a virtual machine");
	}
	if (ioctl(vm->vm_fd, KVM_SET_TSS_ADDR, TSS_GPA) < 0)
		return refused(err, "an address for the TSS");
	return scrap_open(&vm->scrap, err);
}

static int set_slot(struct vm *vm, uint32_t number, uint64_t gpa, void *hva,
		    size_t size_bytes, struct smudge_error *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = number,
		.guest_phys_addr = gpa,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	if (ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return refused(err, "a memory slot");
	return 0;
}

/*
 * The code is in a slot of its own, which is not logged: KVM reports also a
 * page that is only read, if nothing touched it before.
 */
static int open_slots(struct vm *vm, struct smudge_error *err)
{
	size_t page_bytes = vm->scrap.page_bytes;
	void *code = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (code == MAP_FAILED)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a guest");
	memcpy(code, guest, sizeof(guest));
	vm->slot = (struct smudge_kvm_slot){
		.size = sizeof(vm->slot),
		.size_bytes = SCRAP_PAGES * page_bytes,
		.hva = vm->scrap.ram,
	};
	ret = set_slot(vm, 0, 0, vm->scrap.ram, vm->slot.size_bytes, err);
	return ret ? ret : set_slot(vm, 1, CODE_GPA, code, page_bytes, err);
}

static int open_vcpu(struct vm *vm, struct smudge_error *err)
{
	struct kvm_regs regs = {.rip = CODE_GPA, .rflags = 2};
	struct kvm_sregs sregs;

	vm->vcpu_fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu_fd < 0)
		return refused(err, "a virtual CPU");
	vm->run = mmap(NULL, sizeof(*vm->run), PROT_READ | PROT_WRITE,
		       MAP_SHARED, vm->vcpu_fd, 0);
	if (vm->run == MAP_FAILED ||
	    ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return refused(err, "a virtual CPU's state");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return refused(err, "to set a virtual CPU's registers");
	return 0;
}

static int run_guest(void *opaque, struct smudge_error *err)
{
	struct vm *vm = opaque;
	int ret;

	do {
		ret = ioctl(vm->vcpu_fd, KVM_RUN, 0);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return refused(err, "to run a guest");
	if (vm->run->exit_reason != KVM_EXIT_HLT)
		return smudge_error_set(err, -EIO, WHERE,
					"KVM's guest left with reason %u "
					"instead of a halt",
					vm->run->exit_reason);
	return 0;
}

static int try_log(enum smudge_kvm_log_mode mode, struct smudge_error *err)
{
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .mode = mode};
	struct smudge_source *source = NULL;
	struct smudge_kvm *kvm = NULL;
	struct vm vm = {0};
	int ret = open_vm(&vm, err);

	options.vm_fd = vm.vm_fd;
	if (!ret)
		ret = smudge_kvm_create(&options, &kvm, err);
	if (!ret)
		ret = open_slots(&vm, err);
	if (!ret)
		ret = open_vcpu(&vm, err);
	if (!ret)
		ret = smudge_kvm_log_create(kvm, &vm.slot, &source, err);
	if (ret)
		return ret;
	return scrap_track(&vm.scrap, source, run_guest, &vm, err);
}

int feature_kvm_legacy(struct smudge_error *err)
{
	return try_log(SMUDGE_KVM_LOG_LEGACY, err);
}

int feature_kvm_manual(struct smudge_error *err)
{
	return try_log(SMUDGE_KVM_LOG_MANUAL, err);
}

/* Rings come before the slots and the vCPU. */
int feature_kvm_ring(struct smudge_error *err)
{
	struct smudge_kvm_ring_options options = {.size = sizeof(options)};
	struct smudge_kvm_ring_vcpu *vcpu = NULL;
	struct smudge_kvm_ring *ring = NULL;
	struct smudge_source *source = NULL;
	struct vm vm = {0};
	int ret = open_vm(&vm, err);

	options.vm_fd = vm.vm_fd;
	if (!ret)
		ret = smudge_kvm_ring_create(&options, &ring, err);
	if (!ret)
		ret = open_slots(&vm, err);
	if (!ret)
		ret = open_vcpu(&vm, err);
	if (!ret)
		ret = smudge_kvm_ring_add_vcpu(ring, vm.vcpu_fd, &vcpu, err);
	if (!ret)
		ret = smudge_kvm_ring_slot(ring, &vm.slot, &source, err);
	if (ret)
		return ret;
	return scrap_track(&vm.scrap, source, run_guest, &vm, err);
}

#else

static int no_guest(struct smudge_error *err)
{
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"not tried: there is no guest for this "
				"processor");
}

int feature_kvm_legacy(struct smudge_error *err)
{
	return no_guest(err);
}

int feature_kvm_manual(struct smudge_error *err)
{
	return no_guest(err);
}

int feature_kvm_ring(struct smudge_error *err)
{
	return no_guest(err);
}

#endif
