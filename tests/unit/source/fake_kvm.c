/* SPDX-License-Identifier: MIT */
/*
 * The simulated KVM: one table of armed pages, rings of entries, and an answer
 * for each request.
 */
#include "fake_kvm.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/hub.h>

#include "source/kvm_ring.h"
#include "support.h"

#define CAP_RING_WITH_BITMAP 225

struct fake_kvm fake_kvm;

int __wrap_ioctl(int fd, unsigned long request, ...);
void *__real_mmap64(void *at, size_t bytes, int prot, int flags, int fd,
		    off_t offset);
void *__wrap_mmap64(void *at, size_t bytes, int prot, int flags, int fd,
		    off_t offset);
int __real_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice);
void __real_smudge_hub_post(struct smudge_hub_member *member,
			    uint64_t first_page, uint64_t npages);
void __wrap_smudge_hub_post(struct smudge_hub_member *member,
			    uint64_t first_page, uint64_t npages);

void __real_smi_hub_post_collected(struct smudge_hub_member *member,
				   uint64_t first_page, uint64_t npages);
void __wrap_smi_hub_post_collected(struct smudge_hub_member *member,
				   uint64_t first_page, uint64_t npages);

void __real_smi_hub_post_words(struct smudge_hub_member *member,
			       uint64_t first_page, const uint64_t *words,
			       size_t nwords);
void __wrap_smi_hub_post_words(struct smudge_hub_member *member,
			       uint64_t first_page, const uint64_t *words,
			       size_t nwords);

void fake_kvm_open(void)
{
	memset(&fake_kvm, 0, sizeof(fake_kvm));
	fake_kvm.vm_fd = eventfd(0, EFD_CLOEXEC);
	fake_kvm.acq_rel_bytes = fake_kvm.ring_bytes = 65536 * 16;
	fake_kvm.manual = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
			  KVM_DIRTY_LOG_INITIALLY_SET;
	fake_kvm.is_manual = true;
	fake_kvm.ids[0] = 3;
	fake_kvm.ids[1] = 1u << 16 | 500;
}

void fake_kvm_close(void)
{
	close(fake_kvm.vm_fd);
}

static struct smi_ring_entry *entry_at(struct fake_vcpu *vcpu, uint32_t index)
{
	return &vcpu->entries[index & (fake_kvm.nentries - 1)];
}

void fake_kvm_push(unsigned int index, uint32_t slot, uint64_t offset)
{
	struct fake_vcpu *vcpu = &fake_kvm.vcpus[index];
	struct smi_ring_entry *entry = entry_at(vcpu, vcpu->dirty++);

	fake_kvm.noverflows += vcpu->dirty - vcpu->reset > fake_kvm.nentries;
	entry->slot = slot;
	entry->offset = offset;
	/* Release: as the kernel's. */
	atomic_store_explicit(&entry->flags, KVM_DIRTY_GFN_F_DIRTY,
			      memory_order_release);
}

void fake_kvm_store(unsigned int vcpu, unsigned int slot, uint64_t page)
{
	if (!fake_kvm.is_logging[slot] || !fake_kvm.is_armed[slot][page])
		return;
	fake_kvm.is_armed[slot][page] = false;
	fake_kvm_push(vcpu, fake_kvm.ids[slot], page);
}

bool fake_kvm_is_full(unsigned int index)
{
	const struct fake_vcpu *vcpu = &fake_kvm.vcpus[index];

	return vcpu->dirty - vcpu->reset >= fake_kvm.nentries - FAKE_RESERVED;
}

static int slot_of(uint32_t id)
{
	for (int i = 0; i < FAKE_NSLOTS; i++)
		if (fake_kvm.ids[i] == id)
			return i;
	return -1;
}

/* Pages whose entries are empty already, and that are armed at once. */
struct gathered {
	uint32_t slot;
	uint64_t offset, mask;
};

static void arm_gathered(const struct gathered *g, bool forgets)
{
	int slot = slot_of(g->slot);

	for (uint64_t i = 0; slot >= 0 && i < 64; i++) {
		uint64_t page = g->offset + i;

		if (!(g->mask >> i & 1) || page >= FAKE_PAGES)
			continue;
		fake_kvm.is_armed[slot][page] = !forgets;
		fake_kvm.is_forgotten[slot][page] = forgets;
	}
}

static void gather(struct gathered *g, uint32_t slot, uint64_t offset)
{
	if (g->mask && g->slot == slot && offset - g->offset < 64) {
		g->mask |= UINT64_C(1) << (offset - g->offset);
		return;
	}
	arm_gathered(g, false);
	*g = (struct gathered){slot, offset, 1};
}

static bool is_flagged(struct fake_vcpu *vcpu)
{
	/* Acquire: as the kernel's. */
	return vcpu->entries &&
	       atomic_load_explicit(&entry_at(vcpu, vcpu->reset)->flags,
				    memory_order_acquire) &
		       KVM_DIRTY_GFN_F_RESET;
}

/* Libc's own, by which a call of setuid(2) comes to all threads. */
#define SIGNAL_OF_LIBC 33

/* Of signals alone can a thread know when none comes. */
static bool is_interrupted(unsigned int n)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (fake_kvm.by_signals && sigismember(&blocked, SIGALRM) &&
	    sigismember(&blocked, SIGNAL_OF_LIBC))
		return false;
	return fake_kvm.resets_per_call && n >= fake_kvm.resets_per_call;
}

/* It is interrupted between two entries only. */
static void reset_ring(struct fake_vcpu *vcpu, unsigned int *n)
{
	struct gathered g = {0};
	bool forgets = false;

	while (is_flagged(vcpu) && !(forgets = is_interrupted(*n))) {
		struct smi_ring_entry *entry = entry_at(vcpu, vcpu->reset++);

		/* Relaxed: one thread. */
		atomic_store_explicit(&entry->flags, 0, memory_order_relaxed);
		gather(&g, entry->slot, entry->offset);
		++*n;
	}
	arm_gathered(&g, forgets);
}

static int reset_rings(void)
{
	unsigned int n = 0;

	fake_kvm.nresets++;
	if (fake_kvm.reset_error)
		return -fake_kvm.reset_error;
	if (fake_kvm.nidle) {
		fake_kvm.nidle--;
		return 0;
	}
	for (int v = 0; v < FAKE_NVCPUS; v++)
		reset_ring(&fake_kvm.vcpus[v], &n);
	return (int)n;
}

static int check_extension(unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_DIRTY_LOG_RING:
		return fake_kvm.ring_bytes;
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return fake_kvm.acq_rel_bytes;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return fake_kvm.manual;
	case CAP_RING_WITH_BITMAP:
		return fake_kvm.bitmap;
	}
	return 0;
}

static int enable_cap(const struct kvm_enable_cap *cap)
{
	if (fake_kvm.enable_error)
		return -fake_kvm.enable_error;
	switch (cap->cap) {
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		if (fake_kvm.nentries)
			return -EINVAL;
		fake_kvm.enabled_cap = cap->cap;
		fake_kvm.nentries = (uint32_t)cap->args[0] / 16;
		return 0;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		fake_kvm.is_manual = cap->args[0];
		return 0;
	case CAP_RING_WITH_BITMAP:
		fake_kvm.has_bitmap = true;
		return 0;
	}
	return -EINVAL;
}

static int set_region(const struct kvm_userspace_memory_region *region)
{
	int slot = slot_of(region->slot);
	bool is_on = region->flags & KVM_MEM_LOG_DIRTY_PAGES;

	/* the slots exist, and stay writable */
	if (region->flags & KVM_MEM_READONLY)
		return -EINVAL;
	if (fake_kvm.log_error && is_on)
		return -fake_kvm.log_error;
	if (is_on && !fake_kvm.is_logging[slot] && !fake_kvm.is_manual) {
		memset(fake_kvm.is_armed[slot], true, FAKE_PAGES);
		memset(fake_kvm.is_forgotten[slot], false, FAKE_PAGES);
	}
	fake_kvm.is_logging[slot] = is_on;
	return 0;
}

static int get_log(const struct kvm_dirty_log *get)
{
	if (fake_kvm.get_error)
		return -fake_kvm.get_error;
	if (!fake_kvm.has_bitmap)
		return -ENXIO;
	memset(get->dirty_bitmap, 0, sizeof(fake_kvm.words));
	if (get->slot != fake_kvm.ids[0])
		return 0;
	memcpy(get->dirty_bitmap, fake_kvm.words, sizeof(fake_kvm.words));
	for (unsigned int page = 0; page < FAKE_PAGES; page++)
		if (fake_kvm.words[page / 64] >> page % 64 & 1)
			fake_kvm.is_armed[0][page] = true;
	memset(fake_kvm.words, 0, sizeof(fake_kvm.words));
	return 0;
}

static int answer(unsigned long request, void *argument)
{
	switch (request) {
	case KVM_CHECK_EXTENSION:
		return check_extension((unsigned long)(uintptr_t)argument);
	case KVM_ENABLE_CAP:
		return enable_cap(argument);
	case KVM_SET_USER_MEMORY_REGION:
		return set_region(argument);
	case KVM_RESET_DIRTY_RINGS:
		return reset_rings();
	case KVM_GET_DIRTY_LOG:
		return get_log(argument);
	}
	return -ENOTTY;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;
	int ret;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	ret = answer(request, argument);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

void *__wrap_mmap64(void *at, size_t bytes, int prot, int flags, int fd,
		    off_t offset)
{
	void *map;

	if (fd < FAKE_VCPU_FD || fd >= FAKE_VCPU_FD + FAKE_NVCPUS)
		return __real_mmap64(at, bytes, prot, flags, fd, offset);
	errno = fake_kvm.map_error;
	if (errno || bytes != fake_kvm.nentries * sizeof(struct smi_ring_entry))
		return MAP_FAILED;
	map = __real_mmap64(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	fake_kvm.vcpus[fd - FAKE_VCPU_FD].entries = map;
	return map;
}

int __wrap_madvise(void *at, size_t bytes, int advice)
{
	if (advice != 22) /* MADV_POPULATE_READ */
		return __real_madvise(at, bytes, advice);
	errno = fake_kvm.populate_error;
	return errno ? -1 : 0;
}

/* Re-arm, then post. */
static void check_armed(const struct smudge_hub_member *member,
			uint64_t first_page, uint64_t npages)
{
	for (int s = 0; s < FAKE_NSLOTS; s++)
		for (uint64_t p = first_page;
		     member == fake_kvm.members[s] && p < FAKE_PAGES &&
		     p < first_page + npages;
		     p++)
			if (!fake_kvm.is_armed[s][p] &&
			    !fake_kvm.is_forgotten[s][p] &&
			    fake_kvm.is_logging[s])
				fail_msg("page %d of slot %d is posted before "
					 "it is armed",
					 (int)p, s);
}

void __wrap_smudge_hub_post(struct smudge_hub_member *member,
			    uint64_t first_page, uint64_t npages)
{
	check_armed(member, first_page, npages);
	__real_smudge_hub_post(member, first_page, npages);
}

void __wrap_smi_hub_post_collected(struct smudge_hub_member *member,
				   uint64_t first_page, uint64_t npages)
{
	check_armed(member, first_page, npages);
	__real_smi_hub_post_collected(member, first_page, npages);
}

void __wrap_smi_hub_post_words(struct smudge_hub_member *member,
			       uint64_t first_page, const uint64_t *words,
			       size_t nwords)
{
	for (size_t i = 0; i < 64 * nwords; i++) {
		if (le64toh(words[i / 64]) >> i % 64 & 1)
			check_armed(member, first_page + i, 1);
	}
	__real_smi_hub_post_words(member, first_page, words, nwords);
}
