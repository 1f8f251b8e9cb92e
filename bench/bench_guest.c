/* SPDX-License-Identifier: MIT */
/*
 * The guest runs in 64-bit mode with pages of 2 MiB, one to one, so that it
 * reaches more than 4 GiB. It stores, and halts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "bench_guest.h"

#define LOW_BYTES  (UINT64_C(4) << 20)
#define CODE_GPA   UINT64_C(0x1000)
#define PML4_GPA   UINT64_C(0x2000)
#define PDPT_GPA   UINT64_C(0x3000)
#define PDS_GPA	   UINT64_C(0x10000)
#define PAGE_BITS  3 /* present, writable */
#define LARGE_BITS 0x83
#define GIB_SHIFT  30
#define LOW_SLOT   0
#define RAM_SLOT   1

static const uint8_t code[] = {
	0x48, 0x89, 0x07, /* loop: mov [rdi], rax */
	0x48, 0x01, 0xd7, /* add  rdi, rdx */
	0x48, 0xff, 0xc9, /* dec  rcx */
	0x75, 0xf5,	  /* jnz  loop */
	0xf4,		  /* hlt */
};

static void put64(struct bench_guest *guest, uint64_t gpa, uint64_t value)
{
	memcpy(guest->low + gpa, &value, sizeof(value));
}

static void write_low(struct bench_guest *guest)
{
	uint64_t ngib = (BENCH_GUEST_GPA + guest->ram_bytes) >> GIB_SHIFT;

	memcpy(guest->low + CODE_GPA, code, sizeof(code));
	put64(guest, PML4_GPA, PDPT_GPA | PAGE_BITS);
	for (uint64_t g = 0; g < ngib; g++)
		put64(guest, PDPT_GPA + g * 8,
		      (PDS_GPA + g * 4096) | PAGE_BITS);
	for (uint64_t i = 0; i < ngib * 512; i++)
		put64(guest, PDS_GPA + i * 8, i << 21 | LARGE_BITS);
}

static int add_slot(struct bench_guest *guest, uint32_t slot, uint64_t gpa,
		    void *hva, uint64_t size_bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(guest->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static void *map_memory(uint64_t size_bytes)
{
	return mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int set_long_mode(struct bench_guest *guest)
{
	struct kvm_segment code_segment = {.limit = 0xffffffff,
					   .selector = 8,
					   .type = 11,
					   .present = 1,
					   .s = 1,
					   .l = 1,
					   .g = 1};
	struct kvm_segment data = {.limit = 0xffffffff,
				   .selector = 16,
				   .type = 3,
				   .present = 1,
				   .s = 1,
				   .db = 1,
				   .g = 1};
	struct kvm_sregs sregs;

	if (ioctl(guest->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs = code_segment;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = PML4_GPA;
	sregs.cr4 = 0x20;	/* PAE */
	sregs.cr0 = 0x80000001; /* PG, PE */
	sregs.efer = 0x500;	/* LMA, LME */
	return ioctl(guest->vcpu_fd, KVM_SET_SREGS, &sregs);
}

/* 64-bit mode needs a processor that has it. */
static int set_cpuid(struct bench_guest *guest, int kvm_fd)
{
	const uint32_t nentries = 256;
	struct kvm_cpuid2 *cpuid = calloc(
		1, sizeof(*cpuid) + nentries * sizeof(cpuid->entries[0]));
	int ret = -1;

	if (!cpuid)
		return -1;
	cpuid->nent = nentries;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) >= 0)
		ret = ioctl(guest->vcpu_fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

static int open_vcpu(struct bench_guest *guest, int kvm_fd)
{
	int size = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	guest->vcpu_fd = ioctl(guest->vm_fd, KVM_CREATE_VCPU, 0);
	if (size < 0 || guest->vcpu_fd < 0)
		return -1;
	guest->run_bytes = (uint64_t)size;
	guest->run = mmap(NULL, guest->run_bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED, guest->vcpu_fd, 0);
	if (guest->run == MAP_FAILED || set_cpuid(guest, kvm_fd) < 0)
		return -1;
	return set_long_mode(guest);
}

/* How it logs: before slots and vCPUs. */
static int choose_log(struct bench_guest *guest, bool has_ring,
		      struct smudge_error *err)
{
	const struct smudge_kvm_ring_options ring = {.size = sizeof(ring),
						     .vm_fd = guest->vm_fd};
	const struct smudge_kvm_options log = {.size = sizeof(log),
					       .vm_fd = guest->vm_fd};

	if (has_ring)
		return smudge_kvm_ring_create(&ring, &guest->ring, err);
	return smudge_kvm_create(&log, &guest->kvm, err);
}

static int make_source(struct bench_guest *guest, struct smudge_error *err)
{
	const struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.slot = RAM_SLOT,
		.gpa = BENCH_GUEST_GPA,
		.size_bytes = guest->ram_bytes,
		.hva = guest->ram,
	};
	int ret;

	if (guest->kvm)
		return smudge_kvm_log_create(guest->kvm, &slot, &guest->source,
					     err);
	ret = smudge_kvm_ring_add_vcpu(guest->ring, guest->vcpu_fd,
				       &guest->ring_vcpu, err);
	if (ret == 0)
		ret = smudge_kvm_ring_slot(guest->ring, &slot, &guest->source,
					   err);
	return ret;
}

static int build(struct bench_guest *guest, int kvm_fd, bool has_ring,
		 struct smudge_error *err)
{
	int ret = choose_log(guest, has_ring, err);

	if (ret < 0)
		return ret;
	guest->low = map_memory(LOW_BYTES);
	guest->ram = map_memory(guest->ram_bytes);
	if (guest->low == MAP_FAILED || guest->ram == MAP_FAILED ||
	    add_slot(guest, LOW_SLOT, 0, guest->low, LOW_BYTES) < 0 ||
	    add_slot(guest, RAM_SLOT, BENCH_GUEST_GPA, guest->ram,
		     guest->ram_bytes) < 0 ||
	    open_vcpu(guest, kvm_fd) < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, "guest",
					"KVM makes no such machine: %s",
					strerror(-ret));
	}
	write_low(guest);
	return make_source(guest, err);
}

int bench_guest_open(struct bench_guest *guest, uint64_t ram_bytes,
		     bool has_ring, struct smudge_error *err)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int ret;

	memset(guest, 0, sizeof(*guest));
	guest->vcpu_fd = -1;
	guest->run = MAP_FAILED;
	guest->low = guest->ram = MAP_FAILED;
	guest->ram_bytes = ram_bytes;
	guest->vm_fd = kvm_fd < 0 ? -1 : ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (guest->vm_fd < 0)
		ret = smudge_error_set(err, -ENODEV, "guest",
				       "/dev/kvm does not work");
	else
		ret = build(guest, kvm_fd, has_ring, err);
	if (kvm_fd >= 0)
		close(kvm_fd);
	if (ret < 0)
		bench_guest_close(guest);
	return ret;
}

static void unmap(void *at, uint64_t size_bytes)
{
	if (at != MAP_FAILED)
		munmap(at, size_bytes);
}

void bench_guest_close(struct bench_guest *guest)
{
	smudge_source_destroy(guest->source);
	smudge_kvm_ring_remove_vcpu(guest->ring_vcpu);
	smudge_kvm_ring_destroy(guest->ring);
	smudge_kvm_destroy(guest->kvm);
	unmap(guest->run, guest->run_bytes);
	if (guest->vcpu_fd >= 0)
		close(guest->vcpu_fd);
	if (guest->vm_fd >= 0)
		close(guest->vm_fd);
	unmap(guest->low, LOW_BYTES);
	unmap(guest->ram, guest->ram_bytes);
}

bool bench_guest_write(struct bench_guest *guest, uint64_t npages,
		       uint64_t stride)
{
	const struct kvm_regs regs = {
		.rip = CODE_GPA,
		.rflags = 2,
		.rdi = BENCH_GUEST_GPA,
		.rcx = npages,
		.rdx = stride * BENCH_GUEST_PAGE,
	};

	if (ioctl(guest->vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return false;
	for (;;) {
		if (ioctl(guest->vcpu_fd, KVM_RUN, 0) < 0) {
			if (errno != EINTR)
				return false;
			continue;
		}
		if (guest->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL)
			return guest->run->exit_reason == KVM_EXIT_HLT;
		if (smudge_kvm_ring_full(guest->ring_vcpu, NULL) < 0)
			return false;
	}
}
