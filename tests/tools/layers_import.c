/* SPDX-License-Identifier: MIT */
/*
 * Memory of random moments, in files as other programs lay it out: the layers
 * made of them have it, full ones and deltas.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "folder.h"
#include "layers/import.h"
#include "layers/layers.h"
#include "moments.h"

#define PAGE 4096

static struct moments memory;
static const char *const names[MOMENTS_REGIONS] = {"low", "rom", "high",
						   "huge"};

/* As the program has it, which is not linked here. */
int layers_open(const char *folder, uint64_t number,
		struct smudge_chain **ret_chain, struct smudge_error *err)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = folder, .number = number};

	return smudge_chain_open(&options, ret_chain, err);
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/*
 * What differs from @old; of zeros some pages are there too. Return: pages
 * that are not.
 */
static uint64_t write_region(int fd, const struct moment_region *now,
			     const struct moment_region *old, uint64_t file_off,
			     struct test_rng *rng)
{
	uint64_t nholes = 0;

	for (uint64_t i = 0; i < now->npages; i++) {
		const uint8_t *page = now->bytes + i * PAGE;
		bool is_there = old ? memcmp(page, old->bytes + i * PAGE, PAGE)
				    : !is_zero(page);

		if (is_there || test_rng_below(rng, 16) == 0)
			assert_int_equal(pwrite(fd, page, PAGE,
						(off_t)(file_off + i * PAGE)),
					 PAGE);
		else
			nholes++;
	}
	return nholes;
}

static int new_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void end_file(int fd, uint64_t nbytes)
{
	assert_int_equal(ftruncate(fd, (off_t)nbytes), 0);
	close(fd);
}

/* One file. @old: only what differs from it. Return: is any page a hole? */
static bool write_file(enum layers_layout layout, const struct moment *old,
		       struct test_rng *rng)
{
	int fd = new_file("memory");
	uint64_t end = 0, nholes = 0;

	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		const struct moment_region *region = &memory.now.regions[i];

		if (!region->npages)
			continue;
		if (layout == LAYERS_FLAT)
			end = (uint64_t)i << 32;
		nholes += write_region(fd, region,
				       old ? &old->regions[i] : NULL, end, rng);
		end += region->npages * PAGE;
	}
	end_file(fd, end);
	return nholes > 0;
}

/* A file each. */
static void write_files(struct test_rng *rng)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		const struct moment_region *region = &memory.now.regions[i];
		int fd = new_file(names[i]);

		write_region(fd, region, NULL, 0, rng);
		end_file(fd, region->npages * PAGE);
	}
}

/* In descending order: they are sorted. Return: how many. */
static size_t want_regions(struct import_region *wanted, char **paths)
{
	size_t n = 0;

	for (size_t i = MOMENTS_REGIONS; i-- > 0;) {
		const struct moment_region *region = &memory.now.regions[i];

		if (!region->npages)
			continue;
		wanted[n] = (struct import_region){
			.gpa = (uint64_t)i << 32,
			.nbytes = region->npages * PAGE,
		};
		strcpy(wanted[n].name, names[i]);
		paths[n++] = (char *)names[i];
	}
	return n;
}

static int import(const struct import_request *request, bool *ret_is_full,
		  struct smudge_error *err)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct import import = {.request = request};
	int ret = import_open(&import, err);

	if (!ret)
		ret = import_save(&import, &info, err);
	import_close(&import);
	*ret_is_full = info.is_full;
	return ret;
}

/* Ids and, of an import, page sizes are the layer's own. */
static void check(const char *folder)
{
	struct smudge_chain *chain = moments_chain(folder, 0);
	struct smudge_layer_region region = {.size = sizeof(region)};
	struct moment expected = {0};
	size_t n = 0;

	moment_copy(&expected, &memory.now);
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		if (!expected.regions[i].npages)
			continue;
		assert_int_equal(smudge_chain_region(chain, n++, &region), 0);
		assert_string_equal(region.name, names[i]);
		assert_int_equal(region.gpa, (uint64_t)i << 32);
		expected.regions[i].id = region.id;
		expected.regions[i].page_shift = region.page_shift;
	}
	moment_check(&expected, chain);
	smudge_chain_close(chain);
	moment_clear(&expected);
}

static void import_and_check(const struct import_request *request, bool is_full)
{
	struct smudge_error err;
	bool was_full;

	if (import(request, &was_full, &err))
		fail_msg("%s", err.message);
	assert_int_equal(was_full, is_full);
	check(request->folder);
}

/* Some changes, each as a delta on the newest layer. */
static void import_deltas(struct import_request *request, unsigned int n,
			  struct test_rng *rng)
{
	struct moment before = {0};

	request->is_diff = true;
	request->nwanted = 0;
	request->npaths = 1;
	request->paths = (char *[]){"memory"};
	while (n--) {
		moment_copy(&before, &memory.now);
		moments_change(&memory, rng, false);
		/* a diff without a hole is refused */
		while (!write_file(request->layout, &before, rng)) {
			moment_copy(&memory.now, &before);
			moments_change(&memory, rng, false);
		}
		import_and_check(request, false);
	}
	moment_clear(&before);
}

static void a_file_is_a_layer(void **state)
{
	struct test_rng rng = test_rng_start("import");
	unsigned int nrounds = test_rounds(5);

	for (unsigned int i = 0; i < nrounds; i++) {
		struct import_region wanted[MOMENTS_REGIONS];
		char *paths[MOMENTS_REGIONS], *one[] = {"memory"};
		struct import_request request = {
			.layout = i % 5 < 4 ? (enum layers_layout)(i % 5)
					    : LAYERS_QEMU,
			.folder = "imported",
			.wanted = wanted,
		};

		do
			moments_change(&memory, &rng, true);
		while (!(request.nwanted = want_regions(wanted, paths)));
		request.paths = one;
		request.npaths = 1;
		if (i % 5 == 4) {
			write_files(&rng);
			request.paths = paths;
			request.npaths = request.nwanted;
		} else {
			write_file(request.layout, NULL, &rng);
		}
		import_and_check(&request, true);
		import_deltas(&request, 2, &rng);
	}
}

/* With pages of 64 KiB, of which the file has parts. */
static void deltas_on_checkpoints(void **state)
{
	struct test_rng rng = test_rng_start("import deltas");
	struct import_request request = {
		.layout = LAYERS_FIRECRACKER,
		.folder = "saved",
	};

	memory.now.regions[3].npages = 512;
	moments_change(&memory, &rng, false);
	moments_save(&memory, false);
	/* it locks the folder */
	close(memory.folder_fd);
	memory.folder_fd = -1;
	import_deltas(&request, test_rounds(6), &rng);
	memory.folder_fd = smi_folder_open_to_write("saved", NULL);
}

static void expect(const struct import_request *request, int code,
		   const char *part)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_full;

	assert_int_equal(import(request, &is_full, &err), code);
	if (!strstr(err.message, part))
		fail_msg("no '%s' in: %s", part, err.message);
}

static void what_does_not_fit_is_named(void **state)
{
	struct import_region wanted[2] = {
		{.name = "a", .gpa = 0, .nbytes = 4 * PAGE},
		{.name = "b", .gpa = 8 * PAGE, .nbytes = 4 * PAGE}};
	char *paths[] = {"memory"};
	struct import_request request = {
		.layout = LAYERS_FLAT,
		.folder = "unmade",
		.paths = paths,
		.npaths = 1,
		.wanted = wanted,
		.nwanted = 2,
	};
	int fd = new_file("memory");

	end_file(fd, 13 * PAGE);
	expect(&request, -EINVAL,
	       "memory has 53248 bytes, and its regions need 49152");
	end_file(open("memory", O_RDWR | O_CLOEXEC), 11 * PAGE);
	expect(&request, -EINVAL, "memory has 45056 bytes");
	fd = open("memory", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 6 * PAGE + 7), 1);
	end_file(fd, 12 * PAGE);
	expect(&request, -EINVAL, "memory has data from 0x");
	fd = open("memory", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\0", 1, 6 * PAGE + 7), 1);
	end_file(fd, 12 * PAGE);
	wanted[1].gpa = 3 * PAGE;
	expect(&request, -EINVAL, "regions a and b overlap");
	strcpy(wanted[1].name, "a");
	wanted[1].gpa = 8 * PAGE;
	expect(&request, -EEXIST, "a");
	end_file(open("memory", O_RDWR | O_CLOEXEC), 12 * PAGE + 1);
	expect(&request, -EINVAL, "are not whole pages");
	end_file(open("memory", O_RDWR | O_CLOEXEC), 0);
	expect(&request, -EINVAL, "are not whole pages");
	paths[0] = "nowhere";
	expect(&request, -ENOENT, "nowhere");
	paths[0] = ".";
	expect(&request, -EINVAL, ". is no regular file");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	paths[0] = "pipe";
	expect(&request, -EINVAL, "pipe is no regular file");
	assert_int_equal(access("unmade", F_OK), -1);
}

/* Its pages that did not change would be zeros. */
static void a_diff_has_holes(void **state)
{
	char *paths[] = {"memory"};
	struct import_region wanted = {.name = "a", .nbytes = 4 * PAGE};
	struct import_request request = {
		.layout = LAYERS_FLAT,
		.folder = "copied",
		.paths = paths,
		.npaths = 1,
		.wanted = &wanted,
		.nwanted = 1,
	};
	struct smudge_error err;
	bool is_full;
	int fd = new_file("memory");

	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	end_file(fd, 4 * PAGE);
	assert_int_equal(import(&request, &is_full, &err), 0);
	fd = new_file("memory");
	for (int i = 0; i < 4; i++)
		assert_int_equal(pwrite(fd, "y", 1, i * PAGE), 1);
	end_file(fd, 4 * PAGE);
	request.is_diff = true;
	request.nwanted = 0;
	expect(&request, -EINVAL, "memory is no diff: it has no hole");
	end_file(new_file("memory"), 4 * PAGE);
	assert_int_equal(import(&request, &is_full, &err), 0);
	assert_false(is_full);
}

static int set_up(void **state)
{
	if (folder_enter(state))
		return -1;
	moments_open(&memory, "saved");
	return 0;
}

static int tear_down(void **state)
{
	moments_close(&memory);
	return folder_leave(state);
}

TEST_MAIN_WITH(set_up, tear_down, a_file_is_a_layer, deltas_on_checkpoints,
	       what_does_not_fit_is_named, a_diff_has_holes)
