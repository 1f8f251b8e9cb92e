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
#include "common/kvm_vm.h"

#define LOW_BYTES  (UINT64_C(4) << 20)
#define CODE_GPA   UINT64_C(0x1000)
#define PML4_GPA   UINT64_C(0x2000)
#define PDPT_GPA   UINT64_C(0x3000)
#define PDS_GPA	   UINT64_C(0x10000)
#define PAGE_BITS  3 /* present, writable */
#define LARGE_BITS 0x83
#define GIB_BYTES  (UINT64_C(1) << 30)
#define LOW_SLOT   0
/*
 * Pages that the guest stores to before it halts. KVM looks whether a ring is
 * full only as it enters the guest, and leaves room for 64 entries; a KVM that
 * emulates stores overwrites entries when the guest needs more.
 */
#define PIECE_PAGES UINT64_C(64)

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
	uint64_t end = BENCH_GUEST_GPA + guest->ram_bytes;
	uint64_t ngib = (end + GIB_BYTES - 1) / GIB_BYTES;

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

static int no_machine(struct smudge_error *err)
{
	int ret = errno ? -errno : -EIO;

	return smudge_error_set(err, ret, "guest",
				"KVM makes no such machine: %s",
				strerror(-ret));
}

static int build(struct bench_guest *guest, int kvm_fd,
		 struct smudge_error *err)
{
	const struct bench_guest_hooks *hooks = &guest->hooks;
	int ret = 0;

	if (hooks->choose_log)
		ret = hooks->choose_log(hooks->opaque, guest->vm_fd, err);
	if (ret < 0)
		return ret;
	guest->low = map_memory(LOW_BYTES);
	if (guest->owns_ram)
		guest->ram = map_memory(guest->ram_bytes);
	if (guest->low == MAP_FAILED || guest->ram == MAP_FAILED ||
	    add_slot(guest, LOW_SLOT, 0, guest->low, LOW_BYTES) < 0 ||
	    add_slot(guest, BENCH_GUEST_SLOT, BENCH_GUEST_GPA, guest->ram,
		     guest->ram_bytes) < 0 ||
	    open_vcpu(guest, kvm_fd) < 0)
		return no_machine(err);
	write_low(guest);
	return 0;
}

int bench_guest_open(struct bench_guest *guest, void *ram, uint64_t ram_bytes,
		     const struct bench_guest_hooks *hooks,
		     struct smudge_error *err)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int ret;

	*guest = (struct bench_guest){
		.vcpu_fd = -1,
		.run = MAP_FAILED,
		.low = MAP_FAILED,
		.ram = ram ? ram : MAP_FAILED,
		.ram_bytes = ram_bytes,
		.owns_ram = !ram,
	};
	if (hooks)
		guest->hooks = *hooks;
	guest->vm_fd = kvm_fd < 0 ? -1 : kvm_vm_create(kvm_fd);
	if (guest->vm_fd < 0)
		ret = smudge_error_set(err, -ENODEV, "guest",
				       "/dev/kvm does not work");
	else
		ret = build(guest, kvm_fd, err);
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
	unmap(guest->run, guest->run_bytes);
	if (guest->vcpu_fd >= 0)
		close(guest->vcpu_fd);
	if (guest->vm_fd >= 0)
		close(guest->vm_fd);
	unmap(guest->low, LOW_BYTES);
	if (guest->owns_ram)
		unmap(guest->ram, guest->ram_bytes);
}

/* Run until it halts, or until its ring is full. */
static int run(struct bench_guest *guest)
{
	while (ioctl(guest->vcpu_fd, KVM_RUN, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return (int)guest->run->exit_reason;
}

/* Store to pages from @gpa on. */
static bool write_piece(struct bench_guest *guest, uint64_t gpa,
			uint64_t npages, uint64_t stride)
{
	const struct bench_guest_hooks *hooks = &guest->hooks;
	const struct kvm_regs regs = {
		.rip = CODE_GPA,
		.rflags = 2,
		.rdi = gpa,
		.rcx = npages,
		.rdx = stride * BENCH_GUEST_PAGE,
	};
	int reason;

	if (ioctl(guest->vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return false;
	while ((reason = run(guest)) == KVM_EXIT_DIRTY_RING_FULL) {
		if (!hooks->ring_full || hooks->ring_full(hooks->opaque) < 0)
			return false;
	}
	return reason == KVM_EXIT_HLT;
}

bool bench_guest_write(struct bench_guest *guest, uint64_t npages,
		       uint64_t stride)
{
	for (uint64_t at = 0; at < npages; at += PIECE_PAGES) {
		uint64_t left = npages - at;
		uint64_t gpa = BENCH_GUEST_GPA + at * stride * BENCH_GUEST_PAGE;

		if (!write_piece(guest, gpa,
				 left < PIECE_PAGES ? left : PIECE_PAGES,
				 stride))
			return false;
	}
	return true;
}
