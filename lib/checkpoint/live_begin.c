/* SPDX-License-Identifier: MIT */
/*
 * A save onto a device begins: whose is it, and may the save stand on it?
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "checkpoint/live.h"
#include "checkpoint/save.h"
#include "sys/clock.h"
#include "sys/guard.h"

#define NS_PER_S UINT64_C(1000000000)

void smi_live_need_full(struct smi_live *l, bool does)
{
	atomic_store_explicit(&l->needs_full, does, memory_order_relaxed);
}

void smi_live_show(struct smi_live *l, bool is_writing)
{
	SMI_SYS_GUARD(&l->cp->lock);
	if (is_writing)
		smi_calls_open(l->cp->calls);
	l->is_writing = is_writing;
}

static bool is_own(const struct smi_live *l, const uint8_t *page)
{
	const uint8_t *mark = l->context->owner.mark;

	return (l->is_known && !memcmp(page, l->footer, sizeof(l->footer))) ||
	       (l->is_torn && !memcmp(page, mark, sizeof(l->footer)));
}

/*
 * Has another program written the device? Then what is to be a delta fails.
 * @ret_stop_ns: for a full one, how long others have to stop
 */
static int check_footer(struct smi_live *l, bool is_delta,
			uint64_t *ret_stop_ns, struct smudge_error *err)
{
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	int ret = smi_disk_calls_read(l->cp->calls, l->npages - 1, page, err);

	*ret_stop_ns = 0;
	if (ret < 0 || is_own(l, page))
		return ret;
	*ret_stop_ns = l->target.others_stop_ns;
	if (smi_disk_owner_is_other(&l->context->owner, page))
		*ret_stop_ns *= 10;
	if (!is_delta)
		return 0;
	smi_live_need_full(l, true);
	return smudge_error_set(err, -ENOENT, SMI_WHERE,
				"the disk no longer shows what was written "
				"last: another program wrote it, and the next "
				"save is a full one");
}

/* While the device is torn it stays: a write of another one may not arrive. */
static int need_mark(struct smi_live *l, struct smudge_error *err)
{
	return l->is_torn ? 0 : smi_disk_owner_choose(&l->context->owner, err);
}

static int erase_footer(struct smi_live *l, struct smudge_error *err)
{
	int ret = smi_disk_writer_data(&l->writer, l->npages - 1, 1,
				       l->context->owner.mark, NULL, err);

	return ret ? ret : smi_disk_writer_flush(&l->writer, err);
}

/* Other writers find the mark meanwhile. */
static int let_others_stop(struct smi_live *l, uint64_t stop_ns,
			   struct smudge_error *err)
{
	uint64_t until_ns = smi_sys_now_ns() + stop_ns;
	const struct timespec until = {(time_t)(until_ns / NS_PER_S),
				       (long)(until_ns % NS_PER_S)};
	int ret = smi_save_check(l->save, err);

	SMI_SYS_GUARD(&l->cp->lock);
	while (!ret && stop_ns && smi_sys_now_ns() < until_ns) {
		pthread_cond_timedwait(&l->cp->changed, &l->cp->lock, &until);
		ret = smi_save_check(l->save, err);
	}
	return ret;
}

/* The device is this writer's, until another one comes. */
static int take_over(struct smi_live *l, uint64_t stop_ns,
		     struct smudge_error *err)
{
	int ret = erase_footer(l, err);

	if (!ret)
		ret = let_others_stop(l, stop_ns, err);
	if (!ret)
		smi_disk_owner_begin(&l->context->owner);
	return ret;
}

int smi_live_begin(struct smi_target *target, struct smi_save *save,
		   const struct smi_moment *parent, struct smudge_error *err)
{
	struct smi_live *l = smi_live_of(target);
	uint64_t stop_ns = 0;
	int ret;

	l->save = save;
	atomic_store_explicit(&l->context->written_pages, 0,
			      memory_order_relaxed);
	atomic_store_explicit(&l->context->written_bytes, 0,
			      memory_order_relaxed);
	smi_live_show(l, true);
	ret = smi_save_check(save, err);
	if (!ret)
		ret = smi_calls_begin(l->cp->calls, err);
	if (!ret)
		ret = check_footer(l, parent, &stop_ns, err);
	if (!ret)
		ret = need_mark(l, err);
	if (ret < 0)
		return ret;
	target->has_other_tables = l->is_torn;
	l->is_torn = true;
	if (!parent)
		smi_live_need_full(l, true);
	return take_over(l, stop_ns, err);
}

/* Not what is expected: all that was written may be another one's. */
int smi_live_check_page(struct smi_live *l, const uint8_t *expected,
			struct smudge_error *err)
{
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	int ret = smi_disk_calls_read(l->cp->calls, l->npages - 1, page, err);

	if (ret < 0 || memcmp(page, expected, sizeof(page)) == 0)
		return ret;
	return smi_disk_owner_lose(&l->context->owner, err);
}
