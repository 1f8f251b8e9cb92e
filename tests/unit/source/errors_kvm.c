/* SPDX-License-Identifier: MIT */
/*
 * An invalid descriptor of a virtual machine, mode or slot is refused with a
 * sentence before anything is logged.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/source.h>

#include "deny.h"
#include "log_catch.h"
#include "support.h"
#include "common/kvm_vm.h"

static void expect_sentence(const struct smudge_error *err, int code,
			    const char *words)
{
	assert_int_equal(err->code, code);
	if (!strstr(err->message, words))
		fail_msg("\"%s\" does not say \"%s\"", err->message, words);
}

static void refuse(int vm_fd, size_t size, int mode, int code,
		   const char *words)
{
	struct smudge_kvm_options options = {
		.size = size,
		.vm_fd = vm_fd,
		.mode = (enum smudge_kvm_log_mode)mode,
	};
	struct smudge_kvm *kvm = NULL;
	struct smudge_error err = {0};

	assert_int_equal(smudge_kvm_create(&options, &kvm, &err), code);
	assert_null(kvm);
	expect_sentence(&err, code, words);
}

static void test_bad_descriptor(void **state)
{
	size_t size = sizeof(struct smudge_kvm_options);
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	refuse(-1, size, SMUDGE_KVM_LOG_AUTO, -EBADF, "descriptor -1");
	refuse(fd, size, SMUDGE_KVM_LOG_AUTO, -ENOTTY,
	       "no KVM virtual machine");
	close(fd);
}

/* The system's descriptor instead of a machine's. */
static void test_dev_kvm(void **state)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_kvm *kvm = NULL;
	struct smudge_error err = {0};

	test_need_kvm();
	options.vm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	assert_true(smudge_kvm_create(&options, &kvm, &err) < 0);
	assert_null(kvm);
	expect_sentence(&err, err.code, "KVM");
	close(options.vm_fd);
}

static void test_bad_options(void **state)
{
	refuse(0, 4, SMUDGE_KVM_LOG_AUTO, -EINVAL, "too short");
	refuse(0, sizeof(struct smudge_kvm_options), 7, -EINVAL,
	       "no mode of logging");
}

static struct smudge_kvm *create(enum smudge_kvm_log_mode mode, int *ret)
{
	struct smudge_kvm_options options = {
		.size = sizeof(options), .vm_fd = 0, .mode = mode};
	struct smudge_kvm *kvm = NULL;
	struct smudge_error err = {0};

	*ret = smudge_kvm_create(&options, &kvm, &err);
	if (*ret < 0 &&
	    !strstr(err.message, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2"))
		*ret = 0;
	return kvm;
}

static bool try_older_kernel(void *opaque)
{
	struct log_catch log;
	struct smudge_kvm *kvm;
	bool is_right;
	int ret;

	log_catch_open(&log, SMUDGE_LOG_INFO);
	kvm = create(SMUDGE_KVM_LOG_MANUAL, &ret);
	if (kvm || ret != -EOPNOTSUPP)
		return false;
	kvm = create(SMUDGE_KVM_LOG_AUTO, &ret);
	is_right = kvm && smudge_kvm_mode(kvm) == SMUDGE_KVM_LOG_LEGACY;
	smudge_kvm_destroy(kvm);
	log_catch_close(&log);
	return is_right && log.n == 1 &&
	       log_catch_count(&log, "the legacy mode is used") == 1;
}

/* A KVM before 5.2: the capability is not there, any descriptor will do. */
static void test_mode_not_in_the_kernel(void **state)
{
	const struct deny_rule rule = {
		.call = SYS_ioctl,
		.arg1 = KVM_CHECK_EXTENSION,
		.arg2 = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	};

	deny_and_run(&rule, 1, try_older_kernel, NULL);
}

static struct smudge_kvm *any_machine(int *ret_vm_fd)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_kvm *kvm = NULL;
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	options.vm_fd = kvm_vm_create(fd);
	close(fd);
	assert_int_equal(smudge_kvm_create(&options, &kvm, NULL), 0);
	*ret_vm_fd = options.vm_fd;
	return kvm;
}

static void test_bad_slots(void **state)
{
	const struct smudge_kvm_slot good = {.size = sizeof(good),
					     .size_bytes = 4096};
	const struct {
		struct smudge_kvm_slot slot;
		const char *words;
	} bad[] = {
		{{.size = 8, .size_bytes = 4096}, "too short"},
		{{.size = sizeof(good), .size_bytes = 0}, "whole host pages"},
		{{.size = sizeof(good), .size_bytes = 100}, "whole host pages"},
		{{.size = sizeof(good), .size_bytes = 4096, .gpa = 1},
		 "whole host pages"},
		{{.size = sizeof(good),
		  .size_bytes = 4096,
		  .flags = KVM_MEM_LOG_DIRTY_PAGES},
		 "KVM_MEM_LOG_DIRTY_PAGES"},
	};
	struct smudge_source *source = NULL;
	struct smudge_kvm *kvm;
	int vm_fd;

	test_need_kvm();
	kvm = any_machine(&vm_fd);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct smudge_error err = {0};

		assert_int_equal(
			smudge_kvm_log_create(kvm, &bad[i].slot, &source, &err),
			-EINVAL);
		assert_null(source);
		expect_sentence(&err, -EINVAL, bad[i].words);
	}
	assert_int_equal(smudge_kvm_log_create(kvm, &good, &source, NULL), 0);
	smudge_source_destroy(source);
	smudge_kvm_destroy(kvm);
	close(vm_fd);
}

TEST_MAIN(test_bad_descriptor, test_dev_kvm, test_bad_options,
	  test_mode_not_in_the_kernel, test_bad_slots)
