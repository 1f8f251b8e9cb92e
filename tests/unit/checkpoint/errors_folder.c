/* SPDX-License-Identifier: MIT */
/*
 * A layer that cannot be put in place: whatever fails, no layer is there, and
 * the file can be committed again or dropped; nothing is left of it then. File
 * systems without RENAME_NOREPLACE have another way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "fail_files.h"
#include "folder.h"
#include "support.h"

#define LAYER "chain/layer-00000007.qcow2"

static int folder_fd;
static struct smi_folder_file file;

static int set_up(void **state)
{
	if (folder_enter(state) < 0)
		return -1;
	folder_fd = smi_folder_open_to_write("chain", NULL);
	return folder_fd < 0 ? -1 : smi_folder_create(folder_fd, &file, NULL);
}

static int tear_down(void **state)
{
	for (int i = 0; i < FAIL_FILES_CALLS; i++)
		fail_files_always((enum fail_files_call)i, 0);
	smi_folder_drop(&file);
	close(folder_fd);
	return folder_leave(state);
}

static void check_commit(int expected)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(smi_folder_commit(&file, 7, &err), expected);
	assert_int_equal(err.code, expected);
	assert_true(!expected || err.message[0]);
	assert_int_equal(access(LAYER, F_OK), expected ? -1 : 0);
	folder_check("chain", 1);
}

static void a_file_that_cannot_be_flushed(void **state)
{
	fail_files_at(FAIL_FSYNC, 1, EIO);
	check_commit(-EIO);
	check_commit(0);
}

static void a_folder_that_cannot_be_flushed(void **state)
{
	fail_files_at(FAIL_FSYNC, 2, ENOSPC);
	check_commit(-ENOSPC);
	check_commit(0);
}

/* The name stays, so a later layer must not have it: drop removes the file. */
static void a_name_that_cannot_be_taken_back(void **state)
{
	fail_files_at(FAIL_FSYNC, 2, EIO);
	fail_files_at(FAIL_RENAMEAT2, 2, EIO);
	assert_int_equal(smi_folder_commit(&file, 7, NULL), -EIO);
	smi_folder_drop(&file);
	folder_check("chain", 0);
	fail_files_always(FAIL_FSYNC, 0);
	assert_int_equal(smi_folder_create(folder_fd, &file, NULL), 0);
	fail_files_at(FAIL_FSYNC, 2, EIO);
	fail_files_at(FAIL_RENAMEAT2, 2, EIO);
	assert_int_equal(smi_folder_commit(&file, 7, NULL), -EIO);
	check_commit(0);
}

static void folders_that_cannot_be_flushed_alone(void **state)
{
	fail_files_at(FAIL_FSYNC, 2, EINVAL);
	check_commit(0);
}

/* First the file, then the folder. */
static void flushes_that_a_signal_ends(void **state)
{
	for (unsigned int n = 1; n <= 2; n++) {
		fail_files_at(FAIL_FSYNC, n, EINTR);
		check_commit(0);
		assert_int_equal(unlink(LAYER), 0);
		assert_int_equal(smi_folder_create(folder_fd, &file, NULL), 0);
	}
}

static void file_systems_without_the_flag(void **state)
{
	struct smi_folder_file other;

	fail_files_always(FAIL_RENAMEAT2, EINVAL);
	fail_files_at(FAIL_LINKAT, 1, EMLINK);
	check_commit(-EMLINK);
	fail_files_at(FAIL_UNLINKAT, 1, EIO);
	check_commit(-EIO);
	/* The folder's: the file is flushed by now. */
	fail_files_at(FAIL_FSYNC, 1, EIO);
	check_commit(-EIO);
	check_commit(0);
	assert_int_equal(smi_folder_create(folder_fd, &other, NULL), 0);
	assert_int_equal(smi_folder_commit(&other, 7, NULL), -EEXIST);
	smi_folder_drop(&other);
	folder_check("chain", 1);
}

static void a_name_that_was_removed(void **state)
{
	char path[64] = "chain/";

	strcat(path, file.name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(smi_folder_commit(&file, 7, NULL), -ENOENT);
	smi_folder_drop(&file);
	folder_check("chain", 0);
}

TEST_MAIN_WITH(set_up, tear_down, a_file_that_cannot_be_flushed,
	       a_folder_that_cannot_be_flushed,
	       a_name_that_cannot_be_taken_back,
	       folders_that_cannot_be_flushed_alone, flushes_that_a_signal_ends,
	       file_systems_without_the_flag, a_name_that_was_removed)
