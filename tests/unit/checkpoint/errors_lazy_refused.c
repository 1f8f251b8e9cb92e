/* SPDX-License-Identifier: MIT */
/*
 * Lazy restores that are refused, each with its sentence; and what the kernel's
 * own access to missing pages does, with the privilege for it and without.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/mprotect.h>

#include "lazy_rig.h"

static int set_up(void **state)
{
	return lazy_enter(state, "errors_lazy", true);
}

static void expect_refused(struct lazy_rig *rig, int expected,
			   const char *sentence)
{
	struct smudge_error err;
	int ret = smudge_restore_lazily(rig->memory, rig->chain, &rig->options,
					&rig->lazy, &err);

	if (ret != expected || !strstr(err.message, sentence))
		fail_msg("expected %d \"%s\", got %d \"%s\"", expected,
			 sentence, ret, err.message);
	rig->lazy = NULL;
}

static void refused(void **state)
{
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.nthreads = 65;
	expect_refused(&rig, -EINVAL, "65 threads");
	rig.options.nthreads = 0;
	rig.options.read_ahead_bytes = UINT64_C(1) << 30;
	expect_refused(&rig, -EINVAL, "read-ahead");
	rig.options.read_ahead_bytes = 0;
	rig.options.size = 8;
	expect_refused(&rig, -EINVAL, "smudge_lazy_options");
	rig.options.size = sizeof(rig.options);
	/* AddressSanitizer leaves mlock(3) out. */
	assert_int_equal(syscall(SYS_mlock, rig.ram[0], LAZY_PAGE), 0);
	expect_refused(&rig, -ENOTEMPTY, "cannot be made absent");
	assert_int_equal(syscall(SYS_munlock, rig.ram[0], LAZY_PAGE), 0);
	assert_int_equal(smudge_region_remove(rig.regions[1], NULL), 0);
	rig.options.nregions = 0;
	expect_refused(&rig, -ENOENT, "has no region high");
	lazy_close(&rig);
}

static void private_file_with_content(void **state)
{
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_MEMFD_PRIVATE);
	assert_int_equal(pwrite(rig.fds[1], "x", 1, 5 * 4096), 1);
	expect_refused(&rig, -ENOTEMPTY, "file that is mapped private");
	lazy_close(&rig);
}

/* Return: what _exit gets. */
static int as_nobody(bool kernel_faults)
{
	struct smudge_error err;
	struct lazy_rig rig;
	int fds[2], ret;

	lazy_open(&rig, LAZY_PRIVATE);
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	rig.options.kernel_faults = kernel_faults;
	rig.options.on_demand = true;
	ret = smudge_restore_lazily(rig.memory, rig.chain, &rig.options,
				    &rig.lazy, &err);
	if (kernel_faults)
		return ret == -EPERM && strstr(err.message, "CAP_SYS_PTRACE")
			       ? 0
			       : 2;
	if (ret < 0)
		return 3;
	/* The kernel's own access is refused, as the sentence says. */
	if (pipe(fds) < 0 || write(fds[1], rig.ram[1], 100) != -1 ||
	    errno != EFAULT)
		return 4;
	if (!lazy_is_right(&rig, 1, 0) || write(fds[1], rig.ram[1], 100) != 100)
		return 5;
	return smudge_lazy_end(rig.lazy, &err) < 0 ? 6 : 0;
}

static void without_privilege(void **state)
{
	test_need_uffd();
	assert_int_equal(system("chmod -R a+rX chain"), 0);
	for (int kernel_faults = 0; geteuid() == 0 && kernel_faults < 2;
	     kernel_faults++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(as_nobody(kernel_faults));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* With it they wait for the page. */
static void system_calls_wait(void **state)
{
	struct smudge_error err;
	struct lazy_rig rig;
	int fds[2], ret;
	char bytes[100];

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.kernel_faults = true;
	rig.options.on_demand = true;
	ret = smudge_restore_lazily(rig.memory, rig.chain, &rig.options,
				    &rig.lazy, &err);
	if (ret == -EPERM) {
		lazy_close(&rig);
		test_skip_without("kernel-faults", err.message);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], rig.ram[1], 100), 100);
	assert_int_equal(read(fds[0], bytes, 100), 100);
	assert_memory_equal(bytes, rig.model[1], 100);
	close(fds[0]);
	close(fds[1]);
	lazy_end(&rig);
	lazy_close(&rig);
}

/* What failed must stay inaccessible, and that source would open it. */
static void with_an_mprotect_source(void **state)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "one"};
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_error err;
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	if (smudge_mprotect_create(&source, &err) < 0) {
		lazy_close(&rig);
		skip();
	}
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &client, NULL), 0);
	assert_int_equal(
		smudge_region_attach(rig.regions[0], source, 0, 0, NULL), 0);
	expect_refused(&rig, -EBUSY, "mprotect");
	assert_int_equal(smudge_source_detach(source, NULL), 0);
	rig.options.on_demand = true;
	lazy_begin(&rig);
	assert_int_equal(
		smudge_region_attach(rig.regions[0], source, 0, 0, &err),
		-EBUSY);
	assert_non_null(strstr(err.message, "lazy restore"));
	lazy_end(&rig);
	assert_int_equal(
		smudge_region_attach(rig.regions[0], source, 0, 0, NULL), 0);
	lazy_check_all(&rig);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	lazy_close(&rig);
}

TEST_MAIN_WITH(set_up, lazy_leave, refused, private_file_with_content,
	       without_privilege, system_calls_wait, with_an_mprotect_source)
