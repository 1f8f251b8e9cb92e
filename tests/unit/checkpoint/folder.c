/* SPDX-License-Identifier: MIT */
/*
 * A chain's folder: names and their order, who may see it, one writer at a
 * time, and what a killed writer left goes, but nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "folder.h"
#include "support.h"

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static int open_to_write(const char *path)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int fd = smi_folder_open_to_write(path, &err);

	assert_int_equal(err.code, fd < 0 ? fd : 0);
	return fd;
}

static void names_are_numbers(void **state)
{
	static const char *const others[] = {
		"",
		"layer-",
		"layer-.qcow2",
		"layer-00000000.qcow2",
		"layer-0000001.qcow2",
		"layer-000000001.qcow2",
		"layer-00000001.qcow",
		"layer-00000001.qcow2~",
		"layer-0000000x.qcow2",
		"Layer-00000001.qcow2",
		"layer- 0000001.qcow2",
		"layer-18446744073709551616.qcow2",
		"layer-36893488147419103233.qcow2",
		".smudge-0000000000000001",
	};
	static const uint64_t numbers[] = {1, 99999999, 100000000, UINT64_MAX};
	char name[SMI_FOLDER_NAME_BYTES];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(smi_folder_number(others[i]), 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		smi_folder_name(numbers[i], name);
		assert_int_equal(smi_folder_number(name), numbers[i]);
	}
	smi_folder_name(1, name);
	assert_string_equal(name, "layer-00000001.qcow2");
}

static void commit(int folder_fd, uint64_t number)
{
	struct smi_folder_file file;

	assert_int_equal(smi_folder_create(folder_fd, &file, NULL), 0);
	assert_int_equal(smi_folder_commit(&file, number, NULL), 0);
	assert_int_equal(file.fd, -1);
	smi_folder_drop(&file);
}

static void layers_are_listed_in_order(void **state)
{
	static const uint64_t expected[] = {1, 2, 10, 123456789};
	int fd = open_to_write("chain");
	uint64_t *numbers;
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(smi_folder_list(fd, &numbers, &n, NULL), 0);
	assert_int_equal(n, 0);
	free(numbers);
	commit(fd, 123456789);
	commit(fd, 10);
	commit(fd, 1);
	commit(fd, 2);
	make_file("chain/layer-3.qcow2");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(smi_folder_list(fd, &numbers, &n, NULL), 0);
		assert_int_equal(n, 4);
		assert_memory_equal(numbers, expected, sizeof(expected));
		free(numbers);
	}
	folder_check("chain", 5);
	close(fd);
}

static void check_modes(const char *folder, mode_t mask)
{
	char layer[64];
	mode_t before = umask(mask);
	int fd = open_to_write(folder);

	commit(fd, 1);
	umask(before);
	snprintf(layer, sizeof(layer), "%s/layer-00000001.qcow2", folder);
	assert_int_equal(mode_of(folder), 0700);
	assert_int_equal(mode_of(layer), 0600);
	close(fd);
}

/* And he does, whatever the umask is. */
static void only_the_owner_sees_it(void **state)
{
	check_modes("open", 0);
	check_modes("usual", 022);
	check_modes("no directories", 0177);
	check_modes("closed", 0777);
}

static void one_writer_at_a_time(void **state)
{
	int fd = open_to_write("chain");
	int reader = smi_folder_open("chain", NULL);

	assert_true(fd >= 0 && reader >= 0);
	assert_int_equal(open_to_write("chain"), -EBUSY);
	close(fd);
	fd = open_to_write("chain");
	assert_true(fd >= 0);
	close(fd);
	close(reader);
}

static void a_layer_is_there_once(void **state)
{
	int fd = open_to_write("chain");
	struct smi_folder_file file;

	commit(fd, 1);
	assert_int_equal(smi_folder_create(fd, &file, NULL), 0);
	assert_int_equal(smi_folder_commit(&file, 1, NULL), -EEXIST);
	assert_true(file.fd >= 0);
	assert_int_equal(smi_folder_commit(&file, 2, NULL), 0);
	folder_check("chain", 2);
	assert_int_equal(smi_folder_create(fd, &file, NULL), 0);
	folder_check("chain", 3);
	smi_folder_drop(&file);
	smi_folder_drop(&file);
	folder_check("chain", 2);
	close(fd);
}

static void leftovers_go_and_nothing_else(void **state)
{
	static const char *const others[] = {
		"chain/.smudge-config", "chain/.smudge-00000000000000001",
		"chain/.smudge-000000000000000G",
		"chain/.smudge-0000000000000001.qcow2", "chain/layer-1.qcow2"};
	struct smi_folder_file held;
	int fd = open_to_write("chain");

	make_file("chain/.smudge-0000000000000001");
	make_file("chain/.smudge-ffffffffffffffff");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		make_file(others[i]);
	assert_int_equal(mkdir("chain/.smudge-1111111111111111", 0700), 0);
	assert_int_equal(
		symlink("layer-1.qcow2", "chain/.smudge-2222222222222222"), 0);
	assert_int_equal(mkfifo("chain/.smudge-3333333333333333", 0600), 0);
	assert_int_equal(smi_folder_create(fd, &held, NULL), 0);
	folder_check("chain", 11);
	close(fd);
	fd = open_to_write("chain");
	assert_true(fd >= 0);
	folder_check("chain", 9);
	/* Its writer can put it in place: another one has only the folder. */
	assert_int_equal(smi_folder_commit(&held, 1, NULL), 0);
	close(fd);
}

static void what_is_no_folder_is_refused(void **state)
{
	make_file("file");
	assert_int_equal(open_to_write("file"), -ENOTDIR);
	assert_int_equal(open_to_write("missing/chain"), -ENOENT);
	assert_int_equal(smi_folder_open("missing", NULL), -ENOENT);
	assert_int_equal(smi_folder_open("file", NULL), -ENOTDIR);
	folder_check(".", 1);
}

TEST_MAIN_WITH(folder_enter, folder_leave, names_are_numbers,
	       layers_are_listed_in_order, only_the_owner_sees_it,
	       one_writer_at_a_time, a_layer_is_there_once,
	       leftovers_go_and_nothing_else, what_is_no_folder_is_refused)
