/* SPDX-License-Identifier: MIT */
/*
 * Processes that are refused before anything of them is touched: one sentence
 * each.
 */
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "deny.h"
#include "other.h"
#include "process/target.h"
#include "sentence.h"
#include "support.h"

#define NOBODY 65534

static int open_once(pid_t pid, bool is_for_uffd, struct smudge_error *err)
{
	struct smi_target target;
	int ret = smi_target_open(pid, &target, err);

	if (ret)
		return ret;
	if (is_for_uffd)
		ret = smi_target_check_uffd(&target, err);
	smi_target_close(&target);
	return ret;
}

/* @format has one %d, for @pid. */
static void expect_refused(pid_t pid, bool is_for_uffd, int code,
			   const char *format)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char sentence[200];
	int ret = open_once(pid, is_for_uffd, &err);

	snprintf(sentence, sizeof(sentence), format, (int)pid);
	expect_sentence(&err, ret, code, sentence);
}

static void test_no_process(void **state)
{
	pid_t pid = other_start(NULL, NULL);

	expect_refused(-1, false, -EINVAL, "no process has the id %d");
	expect_refused(0, false, -EINVAL, "no process has the id %d");
	other_end(pid);
	expect_refused(pid, false, -ESRCH, "there is no process %d");
}

static void test_zombie(void **state)
{
	siginfo_t info;
	pid_t pid = other_start(NULL, NULL);

	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	expect_refused(pid, false, -ESRCH,
		       "process %d has ended, and waits for its parent (a "
		       "zombie)");
	waitpid(pid, NULL, 0);
}

static void *tell_tid(void *opaque)
{
	_Atomic pid_t *tid = opaque;

	atomic_store(tid, (pid_t)syscall(SYS_gettid));
	for (;;)
		pause();
	return NULL;
}

static bool start_thread(void *opaque)
{
	_Atomic pid_t *tid = opaque;
	pthread_t thread;

	if (pthread_create(&thread, NULL, tell_tid, tid))
		return false;
	while (!atomic_load(tid))
		usleep(100);
	return true;
}

static void test_itself(void **state)
{
	expect_refused(getpid(), false, -EINVAL,
		       "process %d is this process itself");
}

static void test_thread(void **state)
{
	_Atomic pid_t *tid = mmap(NULL, sizeof(*tid), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = other_start(start_thread, tid);
	char sentence[200];

	snprintf(sentence, sizeof(sentence),
		 "%%d is a thread of process %d: name the process", (int)pid);
	expect_refused(*tid, false, -EINVAL, sentence);
	other_end(pid);
	munmap(tid, sizeof(*tid));
}

static int wait_for_end(void *opaque)
{
	for (;;)
		syscall(SYS_pause);
	return 0;
}

static void test_shared_memory(void **state)
{
	static char stack[65536];
	pid_t pid = clone(wait_for_end, stack + sizeof(stack),
			  CLONE_VM | SIGCHLD, NULL);

	assert_true(pid > 0);
	expect_refused(pid, false, -EINVAL,
		       "process %d shares the memory of this process");
	other_end(pid);
}

static void test_kernel_thread(void **state)
{
	char comm[16] = "";
	FILE *file = fopen("/proc/2/comm", "r");

	if (file) {
		if (!fgets(comm, sizeof(comm), file))
			comm[0] = '\0';
		fclose(file);
	}
	if (strcmp(comm, "kthreadd\n") != 0)
		test_skip_without("kthreadd", "a pid namespace hides it");
	expect_refused(2, false, -EINVAL,
		       "process %d is a thread of the kernel");
}

static bool trace(void *opaque)
{
	return ptrace(PTRACE_SEIZE, *(pid_t *)opaque, NULL, NULL) == 0;
}

static void test_traced(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	pid_t tracer = other_start(trace, &pid);
	char sentence[200];

	if (!tracer)
		test_skip_without("ptrace", "a child may not trace another");
	snprintf(sentence, sizeof(sentence),
		 "process %%d is traced already, by process %d (errors_target)",
		 (int)tracer);
	expect_refused(pid, false, -EBUSY, sentence);
	other_end(tracer);
	other_end(pid);
}

/* Programs of a few instructions: pause(2) for ever. */
static const unsigned char elf64[] = {
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0, 1,
	0, 0, 0, 0x78, 0, 0x40, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0,
	/* one segment: read and execute */
	1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0,
	0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 0,
	0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,
	/* mov $34, %eax; syscall; jmp */
	0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};

static const unsigned char elf32[] = {
	0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1,
	0, 0, 0, 0x54, 0, 0x40, 0, 52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 0,
	32, 0, 1, 0, 40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0,
	0, 0, 0x40, 0, 0x5d, 0, 0, 0, 0x5d, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
	/* mov $29, %eax; int $0x80; jmp */
	0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7};

static void test_32_bit(void **state)
{
	pid_t pid = other_program(elf32, sizeof(elf32));

	if (!pid)
		test_skip_without("ia32", "the kernel runs no 32-bit programs");
	expect_refused(pid, false, -EOPNOTSUPP,
		       "process %d is a 32-bit program: only 64-bit programs "
		       "of x86-64 can be tracked");
	other_end(pid);
}

static void test_no_restorer(void **state)
{
	pid_t pid = other_program(elf64, sizeof(elf64));

	assert_int_not_equal(pid, 0);
	assert_int_equal(open_once(pid, false, NULL), 0);
	expect_refused(pid, true, -EOPNOTSUPP,
		       "process %d has no code to make a system call and "
		       "return from it by (as libc's)");
	other_end(pid);
}

static bool become_nobody(void *opaque)
{
	return setgroups(0, NULL) == 0 &&
	       setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
	       prctl(PR_SET_DUMPABLE, opaque != NULL) == 0;
}

static bool filter_as_nobody(void *opaque)
{
	const struct deny_rule rule = {.call = SYS_userfaultfd,
				       .is_trapped = true};

	return become_nobody(opaque) && deny(&rule, 1);
}

/* What a process of the user nobody finds, in its own. */
struct case_of_nobody {
	pid_t pid;
	bool is_for_uffd;
	int code;
	const char *format;
};

static bool see_as_nobody(void *opaque)
{
	const struct case_of_nobody *c = opaque;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char sentence[200];
	int ret;

	if (!become_nobody(opaque))
		return false;
	ret = open_once(c->pid, c->is_for_uffd, &err);
	snprintf(sentence, sizeof(sentence), c->format, (int)c->pid);
	if (ret == c->code && (!ret || !strcmp(err.message, sentence)))
		return true;
	fprintf(stderr, "%d: %s\n", ret, err.message);
	return false;
}

static void expect_as_nobody(pid_t pid, bool is_for_uffd, int code,
			     const char *format)
{
	struct case_of_nobody c = {pid, is_for_uffd, code, format};

	assert_int_not_equal(pid, 0);
	deny_and_run(NULL, 0, see_as_nobody, &c);
	other_end(pid);
}

static void need_root(void)
{
	if (geteuid() != 0)
		test_skip_without("root", "it becomes another user");
}

static void test_other_user(void **state)
{
	need_root();
	expect_as_nobody(other_start(NULL, NULL), false, -EPERM,
			 "process %d is of the user with the id 0: that takes "
			 "CAP_SYS_PTRACE and CAP_DAC_OVERRIDE");
}

#define CAP(number) (UINT32_C(1) << (number))

/* As in a container: another user's process, and some of root's rights. */
struct case_of_capabilities {
	pid_t pid;
	uint32_t capabilities;
	int code;
};

static bool see_with_capabilities(void *opaque)
{
	const struct case_of_capabilities *c = opaque;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = c->capabilities, .permitted = c->capabilities}};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret;

	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || !become_nobody(NULL) ||
	    syscall(SYS_capset, &header, data) < 0)
		return false;
	ret = open_once(c->pid, true, &err);
	if (ret == c->code &&
	    (!ret || strstr(err.message, "of the user with the id 0: that "
					 "takes CAP_SYS_PTRACE and "
					 "CAP_DAC_OVERRIDE")))
		return true;
	fprintf(stderr, "%d: %s\n", ret, err.message);
	return false;
}

static void test_capabilities(void **state)
{
	static const struct {
		uint32_t capabilities;
		int code;
	} cases[] = {
		{CAP(CAP_SYS_PTRACE), -EPERM},
		{CAP(CAP_DAC_OVERRIDE), -EPERM},
		{CAP(CAP_SYS_PTRACE) | CAP(CAP_DAC_OVERRIDE), 0},
	};

	need_root();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct case_of_capabilities c = {other_start(NULL, NULL),
						 cases[i].capabilities,
						 cases[i].code};

		deny_and_run(NULL, 0, see_with_capabilities, &c);
		other_end(c.pid);
	}
}

static void test_own_user(void **state)
{
	int may = 1;

	need_root();
	expect_as_nobody(other_start(become_nobody, &may), true, 0, "%d");
}

static void test_protected(void **state)
{
	need_root();
	expect_as_nobody(other_start(become_nobody, NULL), false, -EPERM,
			 "process %d may not be traced, since it has more "
			 "rights or protects itself: that takes "
			 "CAP_SYS_PTRACE");
}

static void test_filter(void **state)
{
	int may = 1;

	need_root();
	expect_as_nobody(other_start(filter_as_nobody, &may), true, -EPERM,
			 "process %d has a seccomp filter, which may kill it: "
			 "to suspend it takes CAP_SYS_ADMIN, and no filter of "
			 "our own");
}

static bool see_from_namespace(void *opaque)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int status = 1;
	pid_t child;

	if (unshare(CLONE_NEWPID) < 0)
		return false;
	child = fork();
	if (!child)
		_exit(open_once(1, false, &err) == -ENOENT &&
				      !strcmp(err.message,
					      "/proc is that of another pid "
					      "namespace: mount it again for "
					      "this one")
			      ? 0
			      : 1);
	return waitpid(child, &status, 0) == child && status == 0;
}

static void test_namespace(void **state)
{
	need_root();
	deny_and_run(NULL, 0, see_from_namespace, NULL);
}

TEST_MAIN(test_no_process, test_zombie, test_itself, test_thread,
	  test_shared_memory, test_kernel_thread, test_traced, test_32_bit,
	  test_no_restorer, test_other_user, test_capabilities, test_own_user,
	  test_protected, test_filter, test_namespace)
