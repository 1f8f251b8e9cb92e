/* SPDX-License-Identifier: MIT */
/*
 * What the kernel offers for tracking: the kinds, and how one is tried.
 */
#include "feature.h"

#include "feature_scrap.h"

#include <smudge/smudge.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/membarrier.h>

#define WHERE "features"

static int track_stores(struct scrap *scrap, struct smudge_source *source,
			struct smudge_error *err)
{
	return scrap_track(scrap, source, scrap_store, scrap, err);
}

static int try_uffd(struct smudge_error *err)
{
	struct smudge_source *source;
	struct scrap scrap;
	int ret = smudge_uffd_create(&source, err);

	if (!ret)
		ret = scrap_open(&scrap, err);
	return ret ? ret : track_stores(&scrap, source, err);
}

/* The one thread of the trial stands while it harvests. */
static int quiesce(void *opaque, struct smudge_error *err)
{
	(void)opaque;
	(void)err;
	return 0;
}

static void resume(void *opaque)
{
	(void)opaque;
}

static int try_soft_dirty(struct smudge_error *err)
{
	struct smudge_soft_dirty_options options = {
		.size = sizeof(options), .quiesce = quiesce, .resume = resume};
	struct smudge_source *source;
	struct scrap scrap;
	int ret = smudge_soft_dirty_create(&options, &source, err);

	if (!ret)
		ret = scrap_open(&scrap, err);
	return ret ? ret : track_stores(&scrap, source, err);
}

static int try_mprotect(struct smudge_error *err)
{
	struct smudge_source *source;
	struct scrap scrap;
	int ret = smudge_mprotect_create(&source, err);

	if (!ret)
		ret = scrap_open(&scrap, err);
	return ret ? ret : track_stores(&scrap, source, err);
}

/* The log covers the scrap, also where the host's pages are of 64 KiB. */
struct vhost {
	uint64_t log[64];
	struct scrap scrap;
};

/* As a back end does it. */
static int write_and_log(void *opaque, struct smudge_error *err)
{
	struct vhost *vhost = opaque;
	size_t page_bytes = vhost->scrap.page_bytes;
	int ret = scrap_store(&vhost->scrap, err);

	if (!ret)
		ret = smudge_vhost_log_mark(vhost->log, sizeof(vhost->log),
					    SCRAP_WRITTEN * page_bytes, 1);
	if (ret)
		smudge_error_set(err, ret, WHERE, "the log is too short");
	return ret;
}

static int try_vhost_log(struct smudge_error *err)
{
	struct vhost vhost = {0};
	struct smudge_vhost_log_options options = {.size = sizeof(options),
						   .log = vhost.log,
						   .log_bytes =
							   sizeof(vhost.log)};
	struct smudge_source *source;
	int ret = smudge_vhost_log_create(&options, &source, err);

	if (!ret)
		ret = scrap_open(&vhost.scrap, err);
	if (ret)
		return ret;
	return scrap_track(&vhost.scrap, source, write_and_log, &vhost, err);
}

static int try_membarrier(struct smudge_error *err)
{
	int ret;

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
		    0, 0) == 0 &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) ==
		    0)
		return 0;
	ret = -errno;
	return smudge_error_set(err, ret, WHERE,
				"membarrier(2), private expedited: %s",
				strerror(-ret));
}

const struct feature features[NFEATURES] = {
	{"uffd", "6.7", {"soft-dirty", "mprotect"}, NULL, true, try_uffd},
	{"kvm-legacy", "2.6.20", {"uffd"}, NULL, true, feature_kvm_legacy},
	{"kvm-manual", "5.2", {"kvm-legacy"}, NULL, true, feature_kvm_manual},
	{"kvm-ring",
	 "5.11",
	 {"kvm-manual", "kvm-legacy"},
	 NULL,
	 true,
	 feature_kvm_ring},
	{"soft-dirty",
	 "3.11",
	 {"uffd", "mprotect"},
	 NULL,
	 true,
	 try_soft_dirty},
	{"mprotect", "any", {"uffd", "soft-dirty"}, NULL, true, try_mprotect},
	{"vhost-log", "any", {"uffd"}, NULL, true, try_vhost_log},
	{"membarrier",
	 "4.14",
	 {NULL},
	 "fences in marks",
	 false,
	 try_membarrier},
};

size_t feature_find(const char *kind)
{
	size_t i = 0;

	while (i < NFEATURES && strcmp(features[i].kind, kind) != 0)
		i++;
	return i;
}

/* The child is its parent's, ends in time, and leaves no core file. */
static void run_child(const struct feature *feature, pid_t parent, int report)
{
	static const struct rlimit no_core;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	signal(SIGALRM, SIG_DFL);
	alarm(FEATURE_SECONDS);
	setrlimit(RLIMIT_CORE, &no_core);
	/* where a filter denies it, the alarm ends the child all the same */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	err.code = feature->attempt(&err);
	/* less than PIPE_BUF: all of it or nothing */
	_exit(write(report, &err, sizeof(err)) != sizeof(err));
}

static int failed(struct smudge_error *err, const char *what)
{
	int ret = -errno;

	return smudge_error_set(err, ret, WHERE, "%s: %s", what,
				strerror(-ret));
}

/* It said nothing, so it was ended. */
static int ended(int status, struct smudge_error *err)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (number == SIGALRM)
		return smudge_error_set(err, -ETIMEDOUT, WHERE,
					"the trial did not end in %d s",
					FEATURE_SECONDS);
	if (number)
		return smudge_error_set(err, -ECANCELED, WHERE,
					"the trial was ended by signal %d (%s)",
					number, strsignal(number));
	return smudge_error_set(err, -ECANCELED, WHERE, "the trial ended");
}

static ssize_t read_report(int fd, struct smudge_error *err)
{
	ssize_t size;

	do {
		size = read(fd, err, sizeof(*err));
	} while (size < 0 && errno == EINTR);
	return size;
}

int feature_try(const struct feature *feature, struct smudge_error *err)
{
	pid_t parent = getpid();
	int status = 0;
	int report[2];
	ssize_t size;
	pid_t child;

	smudge_error_clear(err);
	if (pipe2(report, O_CLOEXEC) < 0)
		return failed(err, "no pipe for the trial");
	child = fork();
	if (child == 0)
		run_child(feature, parent, report[1]);
	if (child < 0)
		failed(err, "no process for the trial");
	close(report[1]);
	size = child < 0 ? 0 : read_report(report[0], err);
	close(report[0]);
	if (child < 0)
		return err->code;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (size == sizeof(*err))
		return err->code;
	smudge_error_clear(err);
	return ended(status, err);
}
