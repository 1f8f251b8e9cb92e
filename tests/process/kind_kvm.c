/* SPDX-License-Identifier: MIT */
/*
 * A virtual processor that counts. KVM_RUN may return EINTR at any time; the
 * guest must not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "rig.h"
#include "common/kvm_vm.h"

#define PAGE_BYTES 4096

/* Real mode: count to 65535, add 1 to al, write al to port 0x10, again. */
static const unsigned char code[] = {0xb9, 0xff, 0xff, 0x49, 0x75, 0xfd,
				     0xfe, 0xc0, 0xe6, 0x10, 0xeb, 0xf4};

static bool give_memory(int vm)
{
	void *memory = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = PAGE_BYTES,
		.userspace_addr = (uintptr_t)memory,
	};

	memcpy(memory, code, sizeof(code));
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

static bool set_registers(int vcpu)
{
	struct kvm_regs regs = {.rflags = 2};
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0 &&
	       ioctl(vcpu, KVM_SET_REGS, &regs) == 0;
}

static bool begin_kvm(struct rig_worker *worker)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : kvm_vm_create(kvm);
	int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = vcpu < 0 ? -1 : ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < 0 || !give_memory(vm) || !set_registers(vcpu))
		return false;
	worker->fds[0] = vcpu;
	worker->memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			      MAP_SHARED, vcpu, 0);
	return worker->memory != MAP_FAILED;
}

static void round_kvm(struct rig_worker *worker)
{
	const struct kvm_run *run = worker->memory;
	const unsigned char *al;
	int ret;

	do {
		ret = ioctl(worker->fds[0], KVM_RUN, 0);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		rig_failed(worker, "KVM_RUN", errno);
	else if (run->exit_reason != KVM_EXIT_IO)
		rig_wrong(worker, "the guest left by %u", run->exit_reason);
	al = (const unsigned char *)run + run->io.data_offset;
	if (ret == 0 && *al != (unsigned char)++worker->number)
		rig_wrong(worker, "the guest counted wrong");
}

const struct rig_kind rig_kvm = {
	.name = "KVM_RUN", .begin = begin_kvm, .round = round_kvm};
