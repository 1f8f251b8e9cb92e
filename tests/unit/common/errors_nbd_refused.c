/* SPDX-License-Identifier: MIT */
/*
 * Servers that cannot hold a live image are refused, each with a sentence that
 * names it.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "folder.h"
#include "nbd_server.h"

static void check_refused(const struct nbd_disk_options *options, int code,
			  const char *part)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *disk = NULL;

	assert_int_equal(nbd_disk_open(options, &disk, &err), code);
	assert_int_equal(err.code, code);
	assert_null(disk);
	if (!strstr(err.message, part))
		fail_msg("'%s' is not in '%s'", part, err.message);
	if (!strstr(err.message, options->uri))
		fail_msg("%s is not named in '%s'", options->uri, err.message);
}

static const struct nbd_disk_options usual = {.end_fd = -1,
					      .uri = NBD_SERVER_URI};

static void test_nobody_listens(void **state)
{
	pid_t pid = nbd_server_start("memory 1M");

	nbd_server_kill(pid);
	check_refused(&usual, -ECONNREFUSED, "refused");
	check_refused(
		&(struct nbd_disk_options){
			.end_fd = -1,
			.uri = "nbd+unix:///?socket=missing.sock"},
		-ENOENT, "No such file");
	check_refused(&(struct nbd_disk_options){.end_fd = -1,
						 .uri = "nbd+unix:///x"},
		      -EINVAL, "socket");
}

static void test_no_such_export(void **state)
{
	pid_t pid = nbd_server_start("--filter=exportname memory 1M "
				     "exportname=a exportname-strict=true");

	check_refused(
		&(struct nbd_disk_options){
			.end_fd = -1,
			.uri = "nbd+unix:///b?socket=server.sock"},
		-ENOENT, "export");
	nbd_server_kill(pid);
}

static void test_read_only(void **state)
{
	pid_t pid = nbd_server_start("-r memory 1M");
	struct nbd_disk_options options = usual;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *disk;

	check_refused(&options, -EROFS, "may only be read");
	options.is_read_only = true;
	assert_int_equal(nbd_disk_open(&options, &disk, &err), 0);
	nbd_disk_close(disk);
	nbd_server_kill(pid);
}

/* A server that is written in shell, and says no more than it has to. */
#define NO_FLUSH                                                           \
	"eval get_size=echo\t1048576 can_write=exit\t0 can_flush=exit\t3 " \
	"pread=exit\t1 pwrite=cat\t>/dev/null"

static void test_without_flush(void **state)
{
	pid_t pid = nbd_server_start(NO_FLUSH);
	struct nbd_disk_options options = usual;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_disk device;
	struct nbd_disk *disk;

	check_refused(&options, -EOPNOTSUPP, "cannot flush");
	options.may_lack_flush = true;
	assert_int_equal(nbd_disk_open(&options, &disk, &err), 0);
	device = nbd_disk_device(disk);
	assert_int_equal(device.ops->flush(device.disk, &err), 0);
	nbd_disk_close(disk);
	nbd_server_kill(pid);
}

static void test_large_blocks(void **state)
{
	pid_t pid = nbd_server_start("--filter=blocksize-policy memory 1M "
				     "blocksize-minimum=64K "
				     "blocksize-preferred=64K");

	check_refused(&usual, -EOPNOTSUPP, "blocks of 65536 bytes");
	check_refused(&(struct nbd_disk_options){.end_fd = -1,
						 .uri = NBD_SERVER_URI,
						 .is_read_only = true},
		      -EOPNOTSUPP, "blocks of 65536 bytes");
	nbd_server_kill(pid);
}

static void test_small_commands(void **state)
{
	pid_t pid = nbd_server_start("--filter=blocksize-policy memory 1M "
				     "blocksize-minimum=512 "
				     "blocksize-preferred=512 "
				     "blocksize-maximum=1024");

	check_refused(&usual, -EOPNOTSUPP, "1024 bytes at once at most");
	nbd_server_kill(pid);
}

static void test_tls_that_it_has_not(void **state)
{
	pid_t pid = nbd_server_start("memory 1M");

	check_refused(
		&(struct nbd_disk_options){
			.end_fd = -1,
			.uri = "nbds+unix:///?socket=server.sock"},
		-ENOTSUP, "TLS");
	nbd_server_kill(pid);
}

TEST_MAIN_WITH(folder_enter, folder_leave, test_nobody_listens,
	       test_no_such_export, test_read_only, test_without_flush,
	       test_large_blocks, test_small_commands, test_tls_that_it_has_not)
