/* SPDX-License-Identifier: MIT */
/*
 * A whole VMM over KVM that tracks dirty memory, for docs/integration.md: one
 * vCPU on a thread of its own, a device that writes guest memory, memory that
 * comes and goes while the guest runs, and a copier, as a migration or a
 * checkpoint has one. At the end the copy must equal the guest's memory.
 * "tiny_vmm ring" uses KVM's dirty rings instead of its log. Exits 77 without
 * KVM or its rings, 1 where anything else fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <smudge/smudge.h>

#define PAGE	  4096
#define RAM_BYTES (128 * PAGE)
#define NEW_BYTES (16 * PAGE) /* added while the guest runs */
#define CODE_GPA  0x1000
#define PORT	  0x10

/* Increments a word in every second page for ever, from page 2 to page 142. */
static const unsigned char guest[] = {
	0xb8, 0x00, 0x02,	      /* start: mov ax, 0x200 */
	0xb9, 0x47, 0x00,	      /* mov cx, 71           */
	0x8e, 0xc0,		      /* next: mov es, ax     */
	0x26, 0xff, 0x06, 0x00, 0x00, /* inc word [es:0]      */
	0x05, 0x00, 0x02,	      /* add ax, 0x200        */
	0xe2, 0xf4,		      /* loop next            */
	0xe6, PORT,		      /* out PORT, al         */
	0xeb, 0xea,		      /* jmp start            */
};

/* One piece of guest RAM: a region for smudge, a slot for KVM. */
struct ram {
	unsigned char *hva;
	uint64_t gpa, size_bytes;
	uint32_t slot;
	struct smudge_region *region;
	struct smudge_source *source;
};

static struct smudge_error err;
static struct smudge_memory *memory;
static struct smudge_kvm *kvm;		       /* the log, or */
static struct smudge_kvm_ring *ring;	       /* the rings */
static struct smudge_kvm_ring_vcpu *vcpu_ring; /* that of the one vCPU */
static struct smudge_batch *batch;
static struct ram ram = {.size_bytes = RAM_BYTES};
static struct ram added = {
	.gpa = RAM_BYTES, .size_bytes = NEW_BYTES, .slot = 1};
static unsigned char copy[RAM_BYTES + NEW_BYTES];
static int vm_fd, vcpu_fd;
static struct kvm_run *run;
static atomic_bool stop;

static int set_slot(const struct ram *piece, uint64_t size_bytes)
{
	struct kvm_userspace_memory_region slot = {
		.slot = piece->slot,
		.guest_phys_addr = piece->gpa,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)piece->hva};

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) ? -errno : 0;
}

static int map_ram(struct ram *piece)
{
	piece->hva = mmap(NULL, piece->size_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return piece->hva == MAP_FAILED ? -errno : 0;
}

/* Register RAM with KVM and with smudge; the source joins the two. */
static int add_ram(struct ram *piece, const char *name)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = name};
	struct smudge_kvm_slot slot = {.size = sizeof(slot)};
	int ret = map_ram(piece);

	if (ret)
		return ret;
	options.hva = slot.hva = piece->hva;
	options.gpa = slot.gpa = piece->gpa;
	options.size_bytes = slot.size_bytes = piece->size_bytes;
	slot.slot = piece->slot;
	ret = set_slot(piece, piece->size_bytes);
	if (!ret)
		ret = smudge_region_add(memory, &options, &piece->region, &err);
	if (!ret && ring)
		ret = smudge_kvm_ring_slot(ring, &slot, &piece->source, &err);
	else if (!ret)
		ret = smudge_kvm_log_create(kvm, &slot, &piece->source, &err);
	if (!ret)
		ret = smudge_region_attach(piece->region, piece->source, 0, 0,
					   &err);
	return ret;
}

/* The last writes are in the slot's log: the source goes before the slot. */
static int remove_ram(struct ram *piece)
{
	int ret;

	smudge_source_destroy(piece->source);
	ret = set_slot(piece, 0);
	if (!ret)
		ret = smudge_region_remove(piece->region, &err);
	munmap(piece->hva, piece->size_bytes);
	return ret;
}

/* A device wrote guest memory: KVM does not see it, so it is marked, after. */
static void device_write(void)
{
	ram.hva[0]++;
	smudge_memory_mark_gpa(memory, 0, 1);
}

/* After a failure all is dirty, and the next try may succeed. */
static void make_room(void)
{
	struct smudge_error full = SMUDGE_ERROR_INIT;

	if (smudge_kvm_ring_full(vcpu_ring, &full))
		fprintf(stderr, "tiny_vmm: %s\n", full.message);
}

static void *vcpu_thread(void *unused)
{
	while (!stop) {
		if (ioctl(vcpu_fd, KVM_RUN, 0) && errno != EINTR)
			break;
		if (run->exit_reason == KVM_EXIT_DIRTY_RING_FULL)
			make_room();
		else if (run->exit_reason == KVM_EXIT_IO)
			device_write();
		/* KVM_EXIT_MMIO: the memory that is not added yet */
	}
	return NULL;
}

/* Each page that the client has dirty is copied once. */
static int copy_dirty(struct smudge_client *client, const struct ram *piece)
{
	struct smudge_run rest = {0, piece->size_bytes / PAGE};
	int ret;

	while ((ret = smudge_client_take_next(client, piece->region, &rest, 64,
					      batch, &err)) > 0) {
		for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
			struct smudge_run pages = smudge_batch_run(batch, i);

			ret = smudge_region_read(
				piece->region, pages.first_page, pages.npages,
				copy + piece->gpa + pages.first_page * PAGE,
				&err);
			if (ret)
				return ret;
		}
		printf(" %d", (int)smudge_batch_npages(batch));
		smudge_client_commit(client, batch);
	}
	return ret;
}

/* Harvest, then take what is dirty and copy it. */
static int copy_round(struct smudge_client *client)
{
	int ret = smudge_memory_harvest(memory, &err);

	if (!ret)
		ret = copy_dirty(client, &ram);
	if (!ret && added.region)
		ret = copy_dirty(client, &added);
	puts(" pages copied");
	return ret;
}

static void interrupted(int number)
{
}

static int open_vcpu(void)
{
	struct kvm_regs regs = {.rip = CODE_GPA, .rflags = 2};
	struct kvm_sregs sregs;
	int size = ioctl(vcpu_fd, KVM_GET_SREGS, &sregs);

	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (size || ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu_fd, KVM_SET_REGS, &regs))
		return -errno;
	memcpy(ram.hva + CODE_GPA, guest, sizeof(guest));
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu_fd, 0);
	return run == MAP_FAILED ? -errno : 0;
}

/* How the VM logs is chosen once: before vCPUs, and before any slot logs. */
static int choose_log(int use_ring)
{
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .vm_fd = vm_fd};
	struct smudge_kvm_ring_options ring_options = {
		.size = sizeof(ring_options), .vm_fd = vm_fd};

	return use_ring ? smudge_kvm_ring_create(&ring_options, &ring, &err)
			: smudge_kvm_create(&options, &kvm, &err);
}

static int create_vcpu(void)
{
	vcpu_fd = ioctl(vm_fd, KVM_CREATE_VCPU, 0);
	if (vcpu_fd < 0)
		return -errno;
	if (ring) /* before it runs */
		return smudge_kvm_ring_add_vcpu(ring, vcpu_fd, &vcpu_ring,
						&err);
	return 0;
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

static int open_vm(int use_ring)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int ret;

	if (kvm_fd < 0)
		return -ENODEV;
	vm_fd = create_vm(kvm_fd);
	close(kvm_fd);
	if (vm_fd < 0 || ioctl(vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000UL))
		return -errno;
	ret = smudge_memory_create(&memory);
	if (!ret)
		ret = smudge_batch_create(0, &batch, &err);
	if (!ret)
		ret = choose_log(use_ring);
	if (!ret)
		ret = add_ram(&ram, "ram");
	if (!ret)
		ret = create_vcpu();
	return ret ? ret : open_vcpu();
}

/* The guest runs meanwhile; its memory grows and is copied, round by round. */
static int track(struct smudge_client *client)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int ret = 0;

	for (int round = 0; round < 6 && !ret; round++) {
		if (round == 3)
			ret = add_ram(&added, "added");
		nanosleep(&pause, NULL);
		if (!ret)
			ret = copy_round(client);
	}
	return ret;
}

static void stop_vcpu(pthread_t thread)
{
	stop = true;
	run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
}

static int run_machine(void)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "copier"};
	struct smudge_client *client;
	pthread_t thread;
	int ret = smudge_client_open(memory, &options, &client, &err);

	if (ret)
		return ret;
	signal(SIGUSR1, interrupted);
	if (pthread_create(&thread, NULL, vcpu_thread, NULL))
		return -EAGAIN;
	ret = track(client);
	stop_vcpu(thread);
	if (!ret) /* nothing writes any more: the last round */
		ret = copy_round(client);
	if (!ret && (memcmp(copy, ram.hva, RAM_BYTES) ||
		     memcmp(copy + RAM_BYTES, added.hva, NEW_BYTES)))
		ret = -EIO;
	smudge_client_close(client);
	return ret ? ret : remove_ram(&added);
}

int main(int argc, char **argv)
{
	int ret = open_vm(argc > 1 && !strcmp(argv[1], "ring"));

	if (ret == -ENODEV || ret == -EOPNOTSUPP)
		return 77;
	if (!ret)
		ret = run_machine();
	if (ret) {
		fprintf(stderr, "tiny_vmm: %s\n",
			err.code ? err.message : strerror(-ret));
		return 1;
	}
	smudge_kvm_ring_remove_vcpu(vcpu_ring); /* it runs no more */
	remove_ram(&ram);
	smudge_kvm_ring_destroy(ring);
	smudge_kvm_destroy(kvm);
	smudge_batch_destroy(batch);
	smudge_memory_destroy(memory, NULL);
	return 0;
}
