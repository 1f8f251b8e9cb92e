/* SPDX-License-Identifier: MIT */
/*
 * One region in several memory slots, as a PC has them: low memory, a hole for
 * devices, and the rest above it. Each slot has a source, attached to the pages
 * of the region that the slot maps; together they report in the region's pages.
 * One slot is deleted and created again while it is watched, as a VMM does when
 * a guest moves memory. Exits 77 without KVM, 1 where a written page is not
 * found.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/smudge.h>

#define PAGE 4096

enum {
	NPAGES = 256, /* of the region: 1 MiB from address 0 */
	HOLE_FIRST = 160,
	HOLE_END = 200, /* the second slot does not begin at a multiple of 64 */
	CODE_PAGE = 1,
};

/* Writes to pages 5, 180 (the hole) and 201, then halts. */
static const unsigned char guest[] = {
	0xb8, 0x00, 0x05,	      /* mov ax, 0x0500       */
	0x8e, 0xc0,		      /* mov es, ax           */
	0x26, 0xfe, 0x06, 0x00, 0x00, /* inc byte [es:0]      */
	0xb8, 0x00, 0xb4,	      /* mov ax, 0xb400       */
	0x8e, 0xc0,		      /* mov es, ax           */
	0x26, 0xfe, 0x06, 0x00, 0x00, /* inc byte [es:0]      */
	0xb8, 0x00, 0xc9,	      /* mov ax, 0xc900       */
	0x8e, 0xc0,		      /* mov es, ax           */
	0x26, 0xfe, 0x06, 0x00, 0x00, /* inc byte [es:0]      */
	0xf4,			      /* hlt                  */
};

struct slot {
	uint32_t number;
	uint64_t first_page, npages; /* of the region */
	struct smudge_source *source;
};

static struct smudge_error err;
static struct smudge_memory *memory;
static struct smudge_region *region;
static struct smudge_kvm *kvm;
static unsigned char *ram;
static int vm_fd, vcpu_fd;
static struct kvm_run *run;

/* @npages 0 deletes the slot. */
static int set_slot(const struct slot *slot, uint64_t npages)
{
	struct kvm_userspace_memory_region kvm_slot = {
		.slot = slot->number,
		.guest_phys_addr = slot->first_page * PAGE,
		.memory_size = npages * PAGE,
		.userspace_addr = (uintptr_t)ram + slot->first_page * PAGE};

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &kvm_slot) ? -errno : 0;
}

static int open_slot(struct slot *slot)
{
	struct smudge_kvm_slot options = {.size = sizeof(options),
					  .slot = slot->number,
					  .gpa = slot->first_page * PAGE,
					  .size_bytes = slot->npages * PAGE,
					  .hva = ram + slot->first_page * PAGE};
	int ret = set_slot(slot, slot->npages);

	if (!ret)
		ret = smudge_kvm_log_create(kvm, &options, &slot->source, &err);
	if (!ret)
		ret = smudge_region_attach(region, slot->source,
					   slot->first_page, slot->npages,
					   &err);
	return ret;
}

/* The detach harvests a last time: what the slot's log has is not lost. */
static int close_slot(struct slot *slot)
{
	int ret = smudge_source_detach(slot->source, &err);

	smudge_source_destroy(slot->source);
	return ret ? ret : set_slot(slot, 0);
}

static int run_guest(void)
{
	struct kvm_regs regs = {.rip = CODE_PAGE * PAGE, .rflags = 2};

	if (ioctl(vcpu_fd, KVM_SET_REGS, &regs))
		return -errno;
	do {
		if (ioctl(vcpu_fd, KVM_RUN, 0) && errno != EINTR)
			return -errno;
	} while (run->exit_reason == KVM_EXIT_MMIO); /* a device in the hole */
	return run->exit_reason == KVM_EXIT_HLT ? 0 : -EIO;
}

/* Pages 5 and 201, and no page of the hole, must be dirty; then clean. */
static int take_written(struct smudge_client *client)
{
	int ret = smudge_region_harvest(region, &err);

	if (ret)
		return ret;
	if (!smudge_client_test(client, region, 5) ||
	    !smudge_client_test(client, region, 201) ||
	    smudge_client_any(client, region, HOLE_FIRST,
			      HOLE_END - HOLE_FIRST))
		return smudge_error_set(&err, -EIO, "kvm_slots",
					"the wrong pages are dirty");
	printf("%d pages are dirty\n",
	       (int)smudge_client_count(client, region, 0, NPAGES));
	return smudge_client_skip(client, region, 0, NPAGES, &err);
}

/* Linux gives it up when a signal, or work of an io_uring, comes in. */
static int create_vm(int kvm_fd)
{
	int fd;

	do {
		fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static int open_vm(void)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct kvm_sregs sregs;
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm_fd < 0)
		return -ENODEV;
	vm_fd = create_vm(kvm_fd);
	options.vm_fd = vm_fd;
	close(kvm_fd);
	if (vm_fd < 0 || ioctl(vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000UL))
		return -errno;
	vcpu_fd = ioctl(vm_fd, KVM_CREATE_VCPU, 0);
	if (vcpu_fd < 0 || ioctl(vcpu_fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs))
		return -errno;
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu_fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	return smudge_kvm_create(&options, &kvm, &err);
}

static int open_ram(void)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * PAGE};

	ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return -errno;
	options.hva = ram;
	memcpy(ram + CODE_PAGE * PAGE, guest, sizeof(guest));
	return smudge_region_add(memory, &options, &region, &err);
}

static int watch(struct slot *low, struct slot *high)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "copier"};
	struct smudge_client *client;
	int ret = smudge_client_open(memory, &options, &client, &err);

	if (ret)
		return ret;
	ret = smudge_client_skip(client, region, 0, NPAGES, &err);
	if (!ret)
		ret = run_guest();
	if (!ret)
		ret = take_written(client);
	/* Written, then the slot is created again: no write is lost. */
	if (!ret)
		ret = run_guest();
	if (!ret)
		ret = close_slot(high);
	if (!ret)
		ret = open_slot(high);
	if (!ret)
		ret = take_written(client);
	smudge_client_close(client);
	smudge_source_destroy(low->source);
	smudge_source_destroy(high->source);
	return ret;
}

static int open_machine(struct slot *low, struct slot *high)
{
	int ret = open_vm();

	if (!ret)
		ret = smudge_memory_create(&memory);
	if (!ret)
		ret = open_ram();
	if (!ret)
		ret = open_slot(low);
	return ret ? ret : open_slot(high);
}

int main(void)
{
	struct slot low = {.number = 0, .npages = HOLE_FIRST};
	struct slot high = {.number = 1,
			    .first_page = HOLE_END,
			    .npages = NPAGES - HOLE_END};
	int ret = open_machine(&low, &high);

	if (ret == -ENODEV)
		return 77;
	if (!ret)
		ret = watch(&low, &high);
	if (ret) {
		fprintf(stderr, "kvm_slots: %s\n",
			err.code ? err.message : strerror(-ret));
		return 1;
	}
	smudge_kvm_destroy(kvm);
	smudge_memory_destroy(memory, NULL);
	return 0;
}
