/* SPDX-License-Identifier: MIT */
/*
 * Marks, and looking at them.
 */
#include "checkpoint/disk_owner.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "sys/clock.h"

/* Half of the time that others give at least. */
#define CHECK_NS (SMI_DISK_OTHERS_STOP_NS / 2)

/* No footer's magic, then what is random, then zeros. */
#define RANDOM_OFF   16
#define RANDOM_BYTES 16

int smi_disk_owner_choose(struct smi_disk_owner *owner,
			  struct smudge_error *err)
{
	if (getrandom(owner->mark + RANDOM_OFF, RANDOM_BYTES, 0) !=
	    RANDOM_BYTES)
		return smudge_error_set(err, -EIO, SMI_DISK_NAME,
					"no random mark for a disk");
	return 0;
}

bool smi_disk_owner_is_other(const struct smi_disk_owner *owner,
			     const uint8_t *page)
{
	static const uint8_t zeros[SMI_QCOW2_PAGE_BYTES];
	const size_t end = RANDOM_OFF + RANDOM_BYTES;

	return memcmp(page, zeros, RANDOM_OFF) == 0 &&
	       memcmp(page + RANDOM_OFF, zeros, RANDOM_BYTES) != 0 &&
	       memcmp(page + end, zeros, sizeof(zeros) - end) == 0 &&
	       memcmp(page, owner->mark, sizeof(owner->mark)) != 0;
}

void smi_disk_owner_begin(struct smi_disk_owner *owner)
{
	atomic_store_explicit(&owner->next_check_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&owner->is_lost, false, memory_order_relaxed);
	atomic_store_explicit(&owner->is_writing, true, memory_order_relaxed);
}

void smi_disk_owner_end(struct smi_disk_owner *owner)
{
	atomic_store_explicit(&owner->is_writing, false, memory_order_relaxed);
}

bool smi_disk_owner_is_lost(const struct smi_disk_owner *owner)
{
	return atomic_load_explicit(&owner->is_lost, memory_order_relaxed);
}

int smi_disk_owner_lose(struct smi_disk_owner *owner, struct smudge_error *err)
{
	atomic_store_explicit(&owner->is_lost, true, memory_order_relaxed);
	return smudge_error_set(err, -EBUSY, SMI_DISK_NAME,
				"another program began to write the disk, "
				"which can have one writer: end one of them; "
				"the next save is a full one");
}

/* Of several threads that ask at once, one looks. */
static bool is_due(struct smi_disk_owner *owner)
{
	uint64_t now_ns = smi_sys_now_ns();
	uint64_t at_ns = atomic_load_explicit(&owner->next_check_ns,
					      memory_order_relaxed);

	return atomic_load_explicit(&owner->is_writing, memory_order_relaxed) &&
	       now_ns >= at_ns &&
	       atomic_compare_exchange_strong_explicit(
		       &owner->next_check_ns, &at_ns, now_ns + CHECK_NS,
		       memory_order_relaxed, memory_order_relaxed);
}

int smi_disk_owner_check(struct smi_disk_owner *owner,
			 const struct smi_disk *disk, struct smudge_error *err)
{
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	int ret;

	if (!is_due(owner))
		return 0;
	ret = smi_disk_read(disk, owner->page << SMI_QCOW2_PAGE_SHIFT, page,
			    sizeof(page), err);
	if (!ret && memcmp(page, owner->mark, sizeof(page)) != 0)
		ret = smi_disk_owner_lose(owner, err);
	return ret ? ret : 1;
}
