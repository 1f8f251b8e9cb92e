/* SPDX-License-Identifier: MIT */
/*
 * What a whole machine refuses: impossible --dirty combinations, a serial
 * port that cannot be opened, hostile state sections; each with one sentence,
 * and the machine continues as if nothing had happened.
 */
#include "vm_guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "deny.h"
#include "machine/internal.h"
#include "options.h"

#define ENABLE_CAP    0x4068aea3 /* KVM_ENABLE_CAP */
#define CREATE_VM     0xae01	 /* KVM_CREATE_VM */
#define NEW_BY_DEVICE 0xaa00	 /* USERFAULTFD_IOC_NEW */

static void refuse_machine(const char *engine, const char *dirty,
			   const char *serial, const char *sentence)
{
	struct machine_config config = {.memory_bytes = VM_MEMORY_MIN_BYTES,
					.engine = engine,
					.dirty = dirty,
					.devices.serial = serial};
	struct smudge_error err = {0};
	struct machine *machine = NULL;

	assert_true(machine_create(&config, &machine, &err) < 0);
	if (!strstr(err.message, sentence))
		fail_msg("%s %s %s: \"%s\"", engine, dirty, serial,
			 err.message);
	assert_null(machine);
}

static void test_dirty_needs_its_engine(void **state)
{
	vm_guest_need("kvm");
	vm_guest_need("unicorn");
	refuse_machine("unicorn", "kvm-manual", "null",
		       "--dirty kvm-manual needs the engine kvm");
	refuse_machine("unicorn", "kvm-legacy", "null",
		       "--dirty kvm-legacy needs the engine kvm");
	refuse_machine("unicorn", "kvm-ring", "null",
		       "--dirty kvm-ring needs the engine kvm");
	refuse_machine("kvm", "hook", "null",
		       "--dirty hook needs the engine unicorn");
}

static bool auto_says_why(void *opaque)
{
	const struct machine_config config = {.memory_bytes =
						      VM_MEMORY_MIN_BYTES,
					      .engine = "kvm",
					      .dirty = "auto",
					      .devices.serial = "null"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct machine *machine = NULL;

	if (machine_create(&config, &machine, &err) == -EPERM && !machine &&
	    strstr(err.message, "KVM refuses to set"))
		return true;
	fprintf(stderr, "# got %d: %s\n", err.code, err.message);
	return false;
}

/* All choices fail: the sentence is why the best one did. */
static void test_dirty_auto_says_why(void **state)
{
	const struct deny_rule rules[] = {
		{.call = SYS_ioctl, .arg1 = ENABLE_CAP, .answer = EPERM},
		{.call = SYS_ioctl, .arg1 = NEW_BY_DEVICE, .answer = ENOTTY},
		{.call = SYS_userfaultfd, .answer = ENOSYS},
	};

	vm_guest_need("kvm");
	deny_and_run(rules, 3, auto_says_why, NULL);
}

static bool auto_does_not_go_on(void *opaque)
{
	const struct machine_config config = {.memory_bytes =
						      VM_MEMORY_MIN_BYTES,
					      .engine = opaque,
					      .dirty = "auto",
					      .devices.serial = "null"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct machine *machine = NULL;

	if (machine_create(&config, &machine, &err) == -EMFILE && !machine &&
	    strstr(err.message, "Too many open files"))
		return true;
	fprintf(stderr, "# got %d: %s\n", err.code, err.message);
	return false;
}

/* A failure that is no missing ability is reported, not worked around. */
static void test_dirty_auto_hides_no_failure(void **state)
{
	const struct deny_rule rules[] = {
		{.call = SYS_ioctl, .arg1 = ENABLE_CAP, .answer = EMFILE},
	};

	vm_guest_need("kvm");
	deny_and_run(rules, 1, auto_does_not_go_on, (void *)"kvm");
}

static void test_engine_auto_hides_no_shortage(void **state)
{
	const struct deny_rule rules[] = {
		{.call = SYS_ioctl, .arg1 = CREATE_VM, .answer = EMFILE},
	};

	vm_guest_need("kvm");
	deny_and_run(rules, 1, auto_does_not_go_on, (void *)"auto");
}

static void test_serial(void **state)
{
	vm_guest_need("auto");
	refuse_machine("auto", "auto", "file:/nonexistent/x",
		       "/nonexistent/x cannot be opened");
	refuse_machine("auto", "auto", "file:", "takes stdio, null or file");
	refuse_machine("auto", "auto", "modem", "takes stdio, null or file");
}

/* A good state, spoiled at its places. */
struct spoiled {
	const char *sentence;
	void (*spoil)(struct vm_buf *buf);
};

static void no_bytes(struct vm_buf *buf)
{
	buf->len = 0;
}

static void too_many_sections(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 0, 1000);
}

static void one_section_less(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 0, 3);
}

static void one_section_more(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 0, 5);
}

static void no_sections(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 0, 0);
	buf->len = 4;
}

static void long_name(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 4, UINT32_MAX);
}

static void other_name(struct vm_buf *buf)
{
	buf->bytes[8] = '\033';
}

static void other_version(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 11, 2);
}

static void long_section(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 15, UINT32_MAX);
}

static void longer_section(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 15, 60000);
}

static void shorter_section(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 15, 8);
}

static void twice_a_section(struct vm_buf *buf)
{
	static const uint8_t timer[] = {5,   0,	  0, 0, 't', 'i', 'm',
					'e', 'r', 1, 0, 0,   0,	  4,
					0,   0,	  0, 9, 9,   9,	  9};

	vm_buf_patch32(buf, 0, 5);
	vm_buf_put(buf, timer, sizeof(timer));
}

/* The section "dma" is the last one: name, version, length, 28 bytes. */
static void no_last_section(struct vm_buf *buf)
{
	vm_buf_patch32(buf, 0, 3);
	buf->len -= 4 + 3 + 4 + 4 + 28;
}

static void other_device_version(struct vm_buf *buf)
{
	vm_buf_patch32(buf, buf->len - 28 - 4 - 4, 2);
}

static void trailing_byte(struct vm_buf *buf)
{
	vm_buf_put8(buf, 0);
}

static void impossible_cpu(struct vm_buf *buf)
{
	/* rip is the 17th register of the first section's payload */
	buf->bytes[19 + 16 * 8 + 7] = 0x11;
}

static const struct spoiled spoiled_states[] = {
	{"bad number of sections", no_bytes},
	{"bad number of sections", too_many_sections},
	{"bytes after the last section", one_section_less},
	{"bad length", one_section_more},
	{"fewer vCPUs", no_sections},
	{"name has a bad length", long_name},
	{"unknown section '?pu'", other_name},
	{"unknown version of section 'cpu'", other_version},
	{"bad length of section 'cpu'", long_section},
	{"truncated within section 'cpu'", longer_section},
	{"which is not the size of version 1", shorter_section},
	{"twice the section 'timer'", twice_a_section},
	{"missing section 'dma'", no_last_section},
	{"unknown version of section 'dma'", other_device_version},
	{"bytes after the last section", trailing_byte},
	{"gives rip a value", impossible_cpu},
};

static void save(struct vm_guest *guest, struct vm_buf *buf)
{
	struct smudge_error err = {0};

	if (machine_save_state(guest->machine, buf, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_hostile_state(void **state)
{
	struct vm_guest guest;
	struct vm_buf good = {0};

	vm_guest_need("auto");
	vm_guest_open(&guest, "auto", "auto", "working-set=64K passes=2");
	save(&guest, &good);
	for (size_t i = 0;
	     i < sizeof(spoiled_states) / sizeof(spoiled_states[0]); i++) {
		const struct spoiled *bad = &spoiled_states[i];
		struct smudge_error err = {0};
		struct vm_buf buf = {0};
		int ret;

		vm_buf_put(&buf, good.bytes, good.len);
		bad->spoil(&buf);
		ret = machine_load_state(guest.machine, buf.bytes, buf.len,
					 &err);
		if (ret != -EINVAL || !strstr(err.message, bad->sentence))
			fail_msg("%s: %d \"%s\"", bad->sentence, ret,
				 err.message);
		vm_buf_free(&buf);
	}
	vm_buf_free(&good);
	machine_resume(guest.machine);
	assert_int_equal(vm_guest_wait_end(&guest), VM_GUEST_OK);
	vm_guest_close(&guest);
}

static void test_every_cut_is_refused(void **state)
{
	struct vm_guest guest;
	struct vm_buf good = {0};

	vm_guest_need("auto");
	vm_guest_open(&guest, "auto", "auto", "working-set=64K passes=2");
	save(&guest, &good);
	for (size_t len = 0; len < good.len; len++)
		assert_int_equal(machine_load_state(guest.machine, good.bytes,
						    len, NULL),
				 -EINVAL);
	vm_buf_free(&good);
	vm_guest_close(&guest);
}

static void test_running_machine_is_busy(void **state)
{
	struct vm_guest guest;
	struct vm_buf buf = {0};

	vm_guest_need("auto");
	vm_guest_open(&guest, "auto", "auto", "working-set=64K");
	machine_resume(guest.machine);
	assert_int_equal(machine_save_state(guest.machine, &buf, NULL), -EBUSY);
	assert_int_equal(machine_load_state(guest.machine, NULL, 0, NULL),
			 -EBUSY);
	assert_int_equal(machine_set_run_state(guest.machine, MACHINE_PAUSED),
			 -EBUSY);
	vm_buf_free(&buf);
	vm_guest_close(&guest);
}

static enum engine_exit odd_run(struct engine_vcpu *vcpu,
				struct smudge_error *err)
{
	return (enum engine_exit)99;
}

/* Otherwise KVM would enter it again and again, and report nothing. */
static void test_unknown_exit(void **state)
{
	struct engine_ops odd;
	struct vm_guest guest;
	struct machine *machine;

	vm_guest_need("auto");
	vm_guest_open(&guest, "auto", "auto", "working-set=64K");
	machine = guest.machine;
	pthread_mutex_lock(&machine->lock);
	odd = *machine->ops;
	odd.vcpu_run = odd_run;
	machine->ops = &odd;
	pthread_mutex_unlock(&machine->lock);
	machine_resume(machine);
	assert_int_equal(vm_guest_wait_end(&guest), 1);
	assert_int_equal(machine_run_state(machine), MACHINE_INTERNAL_ERROR);
	pthread_mutex_lock(&machine->lock);
	assert_int_equal(machine->error.code, -EIO);
	assert_non_null(strstr(machine->error.message, "guest with 99,"));
	pthread_mutex_unlock(&machine->lock);
	vm_guest_close(&guest);
}

TEST_MAIN(test_dirty_needs_its_engine, test_dirty_auto_says_why,
	  test_dirty_auto_hides_no_failure, test_engine_auto_hides_no_shortage,
	  test_serial, test_hostile_state, test_every_cut_is_refused,
	  test_running_machine_is_busy, test_unknown_exit)
