/* SPDX-License-Identifier: MIT */
/*
 * The hook of lib/process runs in the guardian, which has the tracker's memory.
 */
#include "proc_of.h"
#include "rig.h"
#include "tracker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/hold.h"
#include "process/step.h"
#include "process/target.h"
#include "support.h"
#include "sys/uffd.h"

#define PAGE_SHIFT 12
#define TIMEOUT_MS 20000
#define WP_ASYNC   (SMI_SYS_UFFD_WP_ASYNC | SMI_SYS_UFFD_WP_UNPOPULATED)

/* Shared with the child, and so with its guardian. */
struct course {
	enum tracker_work work;
	enum tracker_disturbance disturbance;
	unsigned int at, nsteps;
	pid_t tracker, guardian;
	_Atomic bool is_reached;
	char name[32];
	char text[200];
};

static struct course *course;

static void disturb(const char *step)
{
	pid_t pid = (pid_t)syscall(SYS_getpid);

	/* While the target stands for longer, the tracker makes steps too. */
	if (pid != course->tracker)
		course->guardian = pid;
	if (course->nsteps++ != course->at)
		return;
	snprintf(course->name, sizeof(course->name), "%s", step);
	atomic_store(&course->is_reached, true);
	if (course->disturbance == TRACKER_KILL)
		kill(course->tracker, SIGKILL);
	else if (course->disturbance == TRACKER_KILL_GUARDIAN)
		kill(course->guardian, SIGKILL);
	else
		kill(course->guardian, SIGSTOP);
}

static int use_uffd(int uffd, uint64_t first_page, uint64_t npages)
{
	uint64_t start = first_page << PAGE_SHIFT;
	uint64_t length = npages << PAGE_SHIFT;
	uint64_t features;
	int ret = smi_sys_uffd_api(uffd, WP_ASYNC, &features);

	smi_step("features agreed");
	if (!ret)
		ret = smi_sys_uffd_register(uffd, start, length,
					    SMI_SYS_UFFD_MODE_WP);
	smi_step("registered");
	if (!ret)
		ret = smi_sys_uffd_protect(uffd, start, length);
	smi_step("protected");
	return ret;
}

int tracker_use(pid_t pid, uint64_t first_page, uint64_t npages,
		char ret_text[200])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_target target;
	int uffd, ret = smi_target_open(pid, &target, &err);

	if (!ret) {
		ret = smi_target_attach(&target, TIMEOUT_MS, &uffd, NULL, &err);
		if (!ret) {
			ret = use_uffd(uffd, first_page, npages);
			close(uffd);
			smi_step("closed");
		}
		smi_target_close(&target);
	}
	snprintf(ret_text, 200, "%s", err.message);
	return ret;
}

int tracker_hold(pid_t pid, char ret_text[200])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t stopped_ns = 0;
	struct smi_target target;
	struct smi_hold *hold = NULL;
	int ret = smi_target_open(pid, &target, &err);

	if (!ret) {
		ret = smi_hold_begin(&target, TIMEOUT_MS, &hold, &stopped_ns,
				     &err);
		if (!ret)
			ret = smi_hold_end(hold, &stopped_ns);
		smi_target_close(&target);
	}
	snprintf(ret_text, 200, "%s", err.message);
	return ret;
}

static int work(pid_t pid)
{
	if (course->work == TRACKER_HOLDS)
		return tracker_hold(pid, course->text);
	return tracker_use(pid, rig_shared->first_page, rig_shared->npages,
			   course->text);
}

static pid_t start_tracker(pid_t pid)
{
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child)
		return child;
	course->tracker = getpid();
	smi_step_hook = disturb;
	_exit(work(pid) ? 1 : 0);
}

/* The guardian of a child that was killed is not ours to wait for. */
static void wait_for_guardian(void)
{
	while (course->guardian && proc_of_state(course->guardian) &&
	       proc_of_state(course->guardian) != 'Z')
		usleep(100);
}

static bool has_ended(pid_t child)
{
	siginfo_t info = {0};

	waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid;
}

/* A step may be the tracker's own, when its guardian has ended already. */
static void continue_guardian(pid_t child)
{
	while (!atomic_load(&course->is_reached)) {
		if (has_ended(child))
			return;
		usleep(100);
	}
	while (proc_of_state(course->guardian) != 'T') {
		if (has_ended(child))
			return;
		usleep(100);
	}
	usleep(2000);
	kill(course->guardian, SIGCONT);
}

bool tracker_disturbed(pid_t pid, enum tracker_work work_to_do,
		       enum tracker_disturbance disturbance, unsigned int step,
		       char ret_name[32])
{
	bool is_reached;
	int status = 0;
	pid_t child;

	course = mmap(NULL, sizeof(*course), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(course, MAP_FAILED);
	course->work = work_to_do;
	course->disturbance = disturbance;
	course->at = step;
	child = start_tracker(pid);
	if (disturbance == TRACKER_STOP_GUARDIAN)
		continue_guardian(child);
	assert_int_equal(waitpid(child, &status, 0), child);
	wait_for_guardian();
	is_reached = atomic_load(&course->is_reached);
	if ((!is_reached || disturbance == TRACKER_STOP_GUARDIAN) && status)
		fail_msg("step %u %s: %s (0x%x)", step, course->name,
			 course->text, (unsigned int)status);
	snprintf(ret_name, 32, "%s", course->name);
	munmap(course, sizeof(*course));
	return is_reached;
}

int tracker_attach(pid_t pid, unsigned int timeout_ms, struct smudge_error *err)
{
	struct smi_target target;
	int uffd = -1, ret = smi_target_open(pid, &target, err);

	if (ret)
		return ret;
	ret = smi_target_attach(&target, timeout_ms, &uffd, NULL, err);
	if (!ret)
		close(uffd);
	smi_target_close(&target);
	return ret;
}
