/* SPDX-License-Identifier: MIT */
/*
 * The guest reads from an I/O port what to store next. So at every exit the
 * host knows which stores are done, and it needs no signal to stop the guest.
 */
#include "tiny_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "support.h"
#include "common/kvm_vm.h"

#define CODE_GPA  UINT64_C(0x1000)
#define CODE_SLOT 0
#define FREE_IP	  0x100
#define PORT	  0x10

static const uint8_t step_code[] = {
	0xe5, PORT, /* in   eax, PORT       address */
	0x89, 0xc7, /* mov  edi, eax        */
	0xe5, PORT, /* in   eax, PORT       value */
	0x89, 0x07, /* mov  [edi], eax      */
	0xe7, PORT, /* out  PORT, eax       done */
	0xeb, 0xf4, /* jmp  start           */
};

/* esi first, ecx end, edx stride, ebx last number */
static const uint8_t free_code[] = {
	0x89, 0xf7, /* pass: mov  edi, esi  */
	0x43,	    /* loop: inc  ebx       */
	0x89, 0x1f, /* mov  [edi], ebx      */
	0x01, 0xd7, /* add  edi, edx        */
	0x39, 0xcf, /* cmp  edi, ecx        */
	0x72, 0xf7, /* jb   loop            */
	0xe5, PORT, /* in   eax, PORT       stop? */
	0x85, 0xc0, /* test eax, eax        */
	0x74, 0xef, /* jz   pass            */
	0xe7, PORT, /* out  PORT, eax       done */
};

static void set_slot(struct tiny_vm *vm, uint32_t slot, uint64_t gpa, void *hva,
		     uint64_t size_bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	assert_return_code(
		ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), errno);
}

static void set_flat_segments(struct tiny_vm *vm)
{
	struct kvm_segment flat = {.limit = 0xffffffff,
				   .present = 1,
				   .db = 1,
				   .s = 1,
				   .g = 1,
				   .type = 3,
				   .selector = 0x10};
	struct kvm_sregs sregs;

	assert_return_code(ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs), errno);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	flat.type = 11;
	flat.selector = 8;
	sregs.cs = flat;
	sregs.cr0 |= 1; /* protected mode, no paging */
	assert_return_code(ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs), errno);
}

static void *map_pages(size_t size_bytes)
{
	void *map = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	return map;
}

static void open_vcpu(struct tiny_vm *vm, unsigned int index)
{
	struct kvm_regs regs = {.rip = CODE_GPA, .rflags = 2};
	int size;

	vm->vcpu_fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, index);
	assert_return_code(vm->vcpu_fd, errno);
	size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	assert_return_code(size, errno);
	vm->run_bytes = (size_t)size;
	vm->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->vcpu_fd, 0);
	assert_ptr_not_equal(vm->run, MAP_FAILED);
	set_flat_segments(vm);
	assert_return_code(ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs), errno);
}

static void create_vm(struct tiny_vm *vm)
{
	memset(vm, 0, sizeof(*vm));
	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	assert_return_code(vm->kvm_fd, errno);
	vm->vm_fd = kvm_vm_create(vm->kvm_fd);
	assert_return_code(vm->vm_fd, -vm->vm_fd);
}

static void create_slots(struct tiny_vm *vm, uint8_t *ram, uint64_t npages)
{
	vm->npages = npages;
	vm->ram = ram ? ram : map_pages(npages * 4096);
	vm->code = map_pages(4096);
	memcpy(vm->code, step_code, sizeof(step_code));
	memcpy(vm->code + FREE_IP, free_code, sizeof(free_code));
	set_slot(vm, CODE_SLOT, CODE_GPA, vm->code, 4096);
	set_slot(vm, TINY_RAM_SLOT, TINY_RAM_GPA, vm->ram, npages * 4096);
}

void tiny_vm_open(struct tiny_vm *vm, uint8_t *ram, uint64_t npages)
{
	create_vm(vm);
	create_slots(vm, ram, npages);
	open_vcpu(vm, 0);
}

int tiny_vm_open_ring(struct tiny_vm *vm, uint8_t *ram, uint64_t npages,
		      uint32_t nentries, struct smudge_error *err)
{
	struct smudge_kvm_ring_options options = {.size = sizeof(options),
						  .nentries = nentries};
	int ret;

	create_vm(vm);
	options.vm_fd = vm->vm_fd;
	ret = smudge_kvm_ring_create(&options, &vm->ring, err);
	if (ret < 0) {
		close(vm->vm_fd);
		close(vm->kvm_fd);
		return ret;
	}
	create_slots(vm, ram, npages);
	open_vcpu(vm, 0);
	tiny_vm_add_ring(vm);
	return 0;
}

void tiny_vm_add_ring(struct tiny_vm *vm)
{
	struct smudge_error err = {0};

	if (smudge_kvm_ring_add_vcpu(vm->ring, vm->vcpu_fd, &vm->ring_vcpu,
				     &err) < 0)
		fail_msg("%s", err.message);
}

void tiny_vm_open_vcpu(struct tiny_vm *vm, struct tiny_vm *first,
		       unsigned int index)
{
	memset(vm, 0, sizeof(*vm));
	vm->kvm_fd = first->kvm_fd;
	vm->vm_fd = first->vm_fd;
	vm->ram = first->ram;
	vm->npages = first->npages;
	vm->ring = first->ring;
	open_vcpu(vm, index);
}

void tiny_vm_close_vcpu(struct tiny_vm *vm)
{
	smudge_kvm_ring_remove_vcpu(vm->ring_vcpu);
	munmap(vm->run, vm->run_bytes);
	close(vm->vcpu_fd);
}

/* The caller's RAM is unmapped too: it belongs to the machine. */
void tiny_vm_close(struct tiny_vm *vm)
{
	tiny_vm_close_vcpu(vm);
	smudge_kvm_ring_destroy(vm->ring);
	close(vm->vm_fd);
	close(vm->kvm_fd);
	munmap(vm->code, 4096);
	munmap(vm->ram, vm->npages * 4096);
}

struct smudge_kvm_slot tiny_vm_slot(const struct tiny_vm *vm)
{
	return (struct smudge_kvm_slot){
		.size = sizeof(struct smudge_kvm_slot),
		.slot = TINY_RAM_SLOT,
		.gpa = TINY_RAM_GPA,
		.size_bytes = vm->npages * 4096,
		.hva = vm->ram,
	};
}

void tiny_vm_delete_slot(struct tiny_vm *vm)
{
	set_slot(vm, TINY_RAM_SLOT, TINY_RAM_GPA, vm->ram, 0);
}

/*
 * KVM refuses a second slot at the same addresses, so a slot that can be
 * created was deleted before.
 */
bool tiny_vm_has_slot(const struct tiny_vm *vm)
{
	struct kvm_userspace_memory_region probe = {
		.slot = TINY_RAM_SLOT + 1,
		.guest_phys_addr = TINY_RAM_GPA,
		.memory_size = 4096,
		.userspace_addr = (uintptr_t)vm->ram,
	};
	int ret = ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &probe);

	if (ret < 0)
		return errno == EEXIST;
	probe.memory_size = 0;
	ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &probe);
	return false;
}

/* It left the guest because its ring is full: there is room now. */
static bool is_full(struct tiny_vm *vm)
{
	if (vm->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL || !vm->ring_vcpu)
		return false;
	vm->nfull++;
	return smudge_kvm_ring_full(vm->ring_vcpu, NULL) == 0;
}

/* Run to the next port access; false when there is none. */
static bool run_to_port(struct tiny_vm *vm)
{
	int ret;

	do {
		ret = ioctl(vm->vcpu_fd, KVM_RUN, 0);
	} while ((ret < 0 && errno == EINTR) || (ret >= 0 && is_full(vm)));
	return ret >= 0 && vm->run->exit_reason == KVM_EXIT_IO &&
	       vm->run->io.port == PORT;
}

static bool answer(struct tiny_vm *vm, uint32_t value)
{
	if (!run_to_port(vm) || vm->run->io.direction != KVM_EXIT_IO_IN)
		return false;
	memcpy((uint8_t *)vm->run + vm->run->io.data_offset, &value,
	       sizeof(value));
	return true;
}

void tiny_vm_store_at(struct tiny_vm *vm, uint64_t gpa, uint32_t value)
{
	assert_true(answer(vm, (uint32_t)gpa));
	assert_true(answer(vm, value));
	assert_true(run_to_port(vm));
	assert_int_equal(vm->run->io.direction, KVM_EXIT_IO_OUT);
}

void tiny_vm_store(struct tiny_vm *vm, uint64_t page, uint32_t value)
{
	tiny_vm_store_at(vm, TINY_RAM_GPA + page * 4096, value);
	assert_int_equal(tiny_vm_peek(vm, page), value);
}

static bool run_passes(struct tiny_vm *vm)
{
	for (;;) {
		/* Acquire: pairs with the test's store of stop. */
		bool stop =
			atomic_load_explicit(&vm->stop, memory_order_acquire);

		if (!answer(vm, stop))
			return false;
		/* Relaxed: a number to wait for, it orders nothing. */
		atomic_fetch_add_explicit(&vm->passes, 1, memory_order_relaxed);
		if (stop)
			return run_to_port(vm);
	}
}

bool tiny_vm_run(struct tiny_vm *vm, uint64_t first, uint64_t end,
		 uint64_t stride)
{
	struct kvm_regs regs = {
		.rip = CODE_GPA + FREE_IP,
		.rflags = 2,
		.rsi = TINY_RAM_GPA + first * 4096,
		.rcx = TINY_RAM_GPA + end * 4096,
		.rdx = stride * 4096,
	};
	bool ok =
		ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs) >= 0 && run_passes(vm);

	/* Relaxed: a reason to stop waiting, it orders nothing. */
	atomic_store_explicit(&vm->ended, true, memory_order_relaxed);
	return ok;
}

bool tiny_vm_did_passes(struct tiny_vm *vm, unsigned long n)
{
	/* Relaxed, both: see tiny_vm_run. */
	return atomic_load_explicit(&vm->ended, memory_order_relaxed) ||
	       atomic_load_explicit(&vm->passes, memory_order_relaxed) >= n;
}
