/* SPDX-License-Identifier: MIT */
/*
 * What all tests share. The generator is splitmix64: any seed is a good one,
 * and a failing run is repeated with the seed it printed.
 */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/source.h>

#include "slow.h"
#include "common/kvm_vm.h"

struct test_rng test_rng_start(const char *test_name)
{
	const char *given = getenv("SMUDGE_TEST_SEED");
	struct test_rng rng = {0};

	if (given)
		rng.state = strtoull(given, NULL, 0);
	else if (getrandom(&rng.state, sizeof(rng.state), 0) < 0)
		rng.state = (uint64_t)getpid();
	fprintf(stderr, "# %s: SMUDGE_TEST_SEED=0x%llx\n", test_name,
		(unsigned long long)rng.state);
	return rng;
}

uint64_t test_rng_next(struct test_rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t test_rng_below(struct test_rng *rng, uint64_t bound)
{
	return test_rng_next(rng) % bound;
}

unsigned int test_rounds(unsigned int usual)
{
	const char *given = getenv("SMUDGE_TEST_PERCENT");
	unsigned long percent = given ? strtoul(given, NULL, 10) : TEST_PERCENT;
	unsigned long nrounds = usual * percent / 100;

	return nrounds ? (unsigned int)nrounds : 1;
}

static bool is_required(const char *ability)
{
	const char *list = getenv("SMUDGE_REQUIRE");
	size_t length = strlen(ability);

	while (list && *list) {
		size_t item = strcspn(list, ",");

		if (item == length && !strncmp(list, ability, length))
			return true;
		list += item + (list[item] == ',');
	}
	return false;
}

static char skip_reason[200];

/*
 * In place of cmocka's own, for one line's sake: it reports a skipped test as
 * "not ok ... # SKIP", which readers of TAP, meson's among them, count as
 * failed.
 */
void print_message(const char *const format, ...)
{
	va_list args;

	va_start(args, format);
	if (strncmp(format, "not ok %u # SKIP", 16) == 0) {
		unsigned int number = va_arg(args, unsigned int);

		printf("ok %u - %s # SKIP %s\n", number,
		       va_arg(args, const char *), skip_reason);
	} else {
		vprintf(format, args);
	}
	va_end(args);
	fflush(stdout);
}

void test_skip_without(const char *ability, const char *reason)
{
	if (is_required(ability))
		fail_msg("%s is required here, but %s", ability, reason);
	snprintf(skip_reason, sizeof(skip_reason), "without %s: %s", ability,
		 reason);
	skip();
}

static bool gives_vm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = fd < 0 ? -1 : kvm_vm_create(fd);

	if (vm >= 0)
		close(vm);
	if (fd >= 0)
		close(fd);
	return vm >= 0;
}

bool test_has_kvm(void)
{
	return is_required("kvm") || gives_vm();
}

void test_need_kvm(void)
{
	if (!gives_vm())
		test_skip_without("kvm", "/dev/kvm gives no virtual machine");
}

void test_need_uffd(void)
{
	struct smudge_error err = {0};
	struct smudge_source *source;

	if (smudge_uffd_create(&source, &err) < 0)
		test_skip_without("uffd", err.message);
	else
		smudge_source_destroy(source);
}
