/* SPDX-License-Identifier: MIT */
/*
 * A device is one file and one line: a build whose list names scratch.c too
 * has its port, saves and loads its state, and refuses what it refuses.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "machine/internal.h"
#include "machine/loader.h"
#include "options.h"

#define PORT 0x7f0

static struct machine *create(void)
{
	const struct machine_config config = {.memory_bytes =
						      VM_MEMORY_MIN_BYTES,
					      .engine = "unicorn",
					      .dirty = "hook",
					      .devices.serial = "null"};
	struct vcpu_state vcpu;
	struct smudge_error err = {0};
	struct machine *machine;

	if (machine_create(&config, &machine, &err) < 0)
		fail_msg("%s", err.message);
	if (loader_prepare_boot(&machine->ram, "", 0x400000, &vcpu, &err) < 0)
		fail_msg("%s", err.message);
	if (machine->ops->vcpu_set_state(machine->vcpus[0].engine_vcpu, &vcpu,
					 &err) < 0)
		fail_msg("%s", err.message);
	return machine;
}

static void put(struct machine *machine, uint32_t value)
{
	devices_out(&machine->devices, PORT, 4, value);
}

static uint32_t get(struct machine *machine)
{
	return devices_in(&machine->devices, PORT, 4);
}

static void save(struct machine *machine, struct vm_buf *ret)
{
	struct smudge_error err = {0};

	*ret = (struct vm_buf){0};
	if (machine_save_state(machine, ret, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_port_and_state(void **state)
{
	struct machine *from = create();
	struct machine *to = create();
	struct vm_buf buf;

	put(from, 0x12345678);
	assert_int_equal(get(from), 0x12345678);
	assert_int_equal(devices_in(&from->devices, PORT, 2), 0xffff);
	save(from, &buf);
	assert_int_equal(machine_load_state(to, buf.bytes, buf.len, NULL), 0);
	assert_int_equal(get(to), 0x12345678);
	vm_buf_free(&buf);
	machine_destroy(to);
	machine_destroy(from);
}

static void test_its_section_is_needed(void **state)
{
	struct machine *machine = create();
	struct smudge_error err = {0};
	struct vm_buf buf;
	size_t section = 4 + strlen("scratch") + 4 + 4 + 4; /* the last one */

	put(machine, 8);
	save(machine, &buf);
	buf.bytes[0]--;
	assert_int_equal(
		machine_load_state(machine, buf.bytes, buf.len - section, &err),
		-EINVAL);
	assert_non_null(strstr(err.message, "missing section 'scratch'"));
	vm_buf_free(&buf);
	machine_destroy(machine);
}

static void test_what_it_refuses(void **state)
{
	struct machine *machine = create();
	struct smudge_error err = {0};
	struct vm_buf buf;

	put(machine, 8);
	save(machine, &buf);
	buf.bytes[buf.len - 4] = 9;
	assert_int_equal(machine_load_state(machine, buf.bytes, buf.len, &err),
			 -EINVAL);
	assert_string_equal(err.message, "9 is odd");
	assert_int_equal(get(machine), 8);
	vm_buf_free(&buf);
	machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_and_state),
		cmocka_unit_test(test_its_section_is_needed),
		cmocka_unit_test(test_what_it_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
