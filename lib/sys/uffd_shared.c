/* SPDX-License-Identifier: MIT */
/*
 * The page of the shared userfaultfd, its descriptor and its features.
 *
 * Each sentence names what is missing, since the user's next step differs:
 * another kernel, a sysctl, a container's seccomp profile. An errno that has no
 * known meaning is reported as the error it is, not as a missing ability.
 */
#include "sys/uffd_shared.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WHERE "uffd"

static _Atomic(struct smi_sys_uffd_shared *) the_page;

/* Copied by fork, so a child's descriptors have other numbers. */
static _Atomic uint64_t nopened;

static const struct {
	uint64_t bit;
	const char *name;
	const char *since;
} tracking[] = {
	{SMI_SYS_UFFD_WP_ASYNC, "UFFD_FEATURE_WP_ASYNC", "6.7"},
	{SMI_SYS_UFFD_WP_UNPOPULATED, "UFFD_FEATURE_WP_UNPOPULATED", "6.4"},
	{SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM, "UFFD_FEATURE_WP_HUGETLBFS_SHMEM",
	 "5.19"},
	{SMI_SYS_UFFD_FLAG_WP, "UFFD_FEATURE_PAGEFAULT_FLAG_WP", "5.7"},
};

#define NTRACKING (sizeof(tracking) / sizeof(tracking[0]))
#define ALL_FEATURES                                              \
	(SMI_SYS_UFFD_WP_ASYNC | SMI_SYS_UFFD_WP_UNPOPULATED |    \
	 SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM | SMI_SYS_UFFD_FLAG_WP | \
	 SMI_SYS_UFFD_MISSING_SHMEM | SMI_SYS_UFFD_MISSING_HUGETLBFS)

static struct smi_sys_uffd_shared *map_page(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct smi_sys_uffd_shared *page =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smi_sys_uffd_shared *first = NULL;

	if (page == MAP_FAILED)
		return NULL;
	/* Release pairs with the acquires here and in find. */
	if (madvise(page, bytes, MADV_WIPEONFORK) == 0 &&
	    atomic_compare_exchange_strong_explicit(&the_page, &first, page,
						    memory_order_acq_rel,
						    memory_order_acquire))
		return page;
	munmap(page, bytes);
	return first;
}

struct smi_sys_uffd_shared *smi_sys_uffd_shared_find(void)
{
	/* Acquire: pairs with the release in map_page. */
	return atomic_load_explicit(&the_page, memory_order_acquire);
}

struct smi_sys_uffd_shared *smi_sys_uffd_shared_lock(void)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();

	if (!page)
		page = map_page();
	if (page)
		pthread_mutex_lock(&page->lock);
	return page;
}

static int open_descriptor(bool *ret_kernel_faults, struct smudge_error *err)
{
	int fd = smi_sys_uffd_open(false);

	*ret_kernel_faults = fd >= 0;
	if (fd == -EPERM)
		fd = smi_sys_uffd_open(true);
	if (fd >= 0)
		return fd;
	if (fd == -ENOSYS)
		return smudge_error_set(err, fd, WHERE,
					"this kernel has no userfaultfd(2), or "
					"a seccomp filter hides it");
	if (fd == -EPERM)
		return smudge_error_set(
			err, fd, WHERE,
			"userfaultfd(2) is forbidden here (a seccomp filter?) "
			"and /dev/userfaultfd cannot be used either");
	return smudge_error_set(err, fd, WHERE, "cannot open a userfaultfd: %s",
				strerror(-fd));
}

/* A descriptor agrees on features once, so asking takes one of its own. */
static int ask_features(uint64_t *ret_has, struct smudge_error *err)
{
	bool kernel_faults;
	int fd = open_descriptor(&kernel_faults, err);
	int ret;

	if (fd < 0)
		return fd;
	ret = smi_sys_uffd_api(fd, 0, ret_has);
	close(fd);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE, "UFFDIO_API fails: %s",
				 strerror(-ret));
	return ret;
}

static int check_features(uint64_t has, enum smi_sys_uffd_purpose purpose,
			  struct smudge_error *err)
{
	for (size_t i = 0; purpose == SMI_SYS_UFFD_WRITES && i < NTRACKING;
	     i++) {
		if (!(has & tracking[i].bit))
			return smudge_error_set(
				err, -EOPNOTSUPP, WHERE,
				"this kernel's userfaultfd has no %s (Linux "
				"%s)",
				tracking[i].name, tracking[i].since);
	}
	return 0;
}

/*
 * @features are those that the kernel offers: UFFDIO_API refuses others. The
 * caller checks whether they are enough for its purpose.
 */
static int open_agreed(struct smi_sys_uffd_shared *page, uint64_t features,
		       struct smudge_error *err)
{
	int fd = open_descriptor(&page->takes_kernel_faults, err);
	uint64_t has;
	int ret;

	if (fd < 0)
		return fd;
	ret = smi_sys_uffd_api(fd, features, &has);
	if (ret < 0) {
		close(fd);
		return smudge_error_set(
			err, ret, WHERE,
			"UFFDIO_API refuses features that it offers: %s",
			strerror(-ret));
	}
	page->fd = fd;
	page->features = features;
	/* Relaxed, both: a count; and open uses have a copy of the id. */
	atomic_store_explicit(&page->id,
			      1 + atomic_fetch_add_explicit(
					  &nopened, 1, memory_order_relaxed),
			      memory_order_relaxed);
	return 0;
}

int smi_sys_uffd_shared_open(struct smi_sys_uffd_shared *page,
			     enum smi_sys_uffd_purpose purpose,
			     struct smudge_error *err)
{
	uint64_t has = 0;
	int ret;

	if (smi_sys_uffd_shared_id(page))
		return check_features(page->features, purpose, err);
	ret = ask_features(&has, err);
	if (!ret)
		ret = check_features(has, purpose, err);
	return ret ? ret : open_agreed(page, has & ALL_FEATURES, err);
}
