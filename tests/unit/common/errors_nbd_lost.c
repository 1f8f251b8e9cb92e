/* SPDX-License-Identifier: MIT */
/*
 * A connection that is lost stays lost until it is renewed, and errors of the
 * server lose none.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "nbd_server.h"

static uint8_t bytes[1 << 20];

static int write_some(struct nbd_disk *nbd, struct smudge_error *err)
{
	struct smudge_disk disk = nbd_disk_device(nbd);

	smudge_error_clear(err);
	return disk.ops->write(disk.disk, 0, bytes, sizeof(bytes), err);
}

static void test_killed_and_started_again(void **state)
{
	pid_t pid = nbd_server_start("memory 4M");
	struct nbd_disk *nbd = nbd_server_open(0);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_new = false;

	assert_int_equal(write_some(nbd, &err), 0);
	nbd_server_kill(pid);
	assert_int_equal(write_some(nbd, &err), -ECONNRESET);
	assert_non_null(strstr(err.message, NBD_SERVER_URI));
	smudge_error_clear(&err);
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), -ECONNREFUSED);
	assert_int_not_equal(write_some(nbd, &err), 0);
	pid = nbd_server_start("memory 4M");
	/* it is not connected to by itself */
	assert_int_not_equal(write_some(nbd, &err), 0);
	smudge_error_clear(&err);
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), 0);
	assert_true(is_new);
	assert_int_equal(write_some(nbd, &err), 0);
	nbd_disk_close(nbd);
	nbd_server_kill(pid);
}

/* Found by renewing, before anything is written. */
static void test_replaced_between(void **state)
{
	pid_t pid = nbd_server_start("memory 4M");
	struct nbd_disk *nbd = nbd_server_open(0);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_new = false;

	assert_int_equal(write_some(nbd, &err), 0);
	nbd_server_kill(pid);
	pid = nbd_server_start("memory 4M");
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), 0);
	assert_true(is_new);
	assert_int_equal(write_some(nbd, &err), 0);
	nbd_server_kill(pid);
	pid = nbd_server_start("memory 8M");
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), -ERANGE);
	nbd_disk_close(nbd);
	nbd_server_kill(pid);
}

static void *kill_soon(void *opaque)
{
	const pid_t *pid = opaque;

	usleep(20000);
	nbd_server_kill(*pid);
	return NULL;
}

static void *write_on(void *opaque)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *nbd = opaque;
	int ret;

	while (!(ret = write_some(nbd, &err)))
		;
	return ret == -ECONNRESET ? NULL : nbd;
}

/* With commands of several threads in flight. */
static void check_killed_meanwhile(const char *arguments)
{
	pid_t pid = nbd_server_start(arguments);
	struct nbd_disk *nbd = nbd_server_open(0);
	pthread_t threads[4], killer;
	void *wrong;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, write_on, nbd);
	pthread_create(&killer, NULL, kill_soon, &pid);
	pthread_join(killer, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	nbd_disk_close(nbd);
}

static void test_killed_meanwhile(void **state)
{
	check_killed_meanwhile("--filter=delay memory 4M delay-write=5ms");
	check_killed_meanwhile("--filter=multi-conn --filter=delay memory 4M "
			       "delay-write=5ms multi-conn-mode=disable");
}

static void check_error(const char *arguments, int code, const char *part)
{
	pid_t pid = nbd_server_start(arguments);
	struct nbd_disk *nbd = nbd_server_open(0);
	struct smudge_disk disk = nbd_disk_device(nbd);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_new = true;

	assert_int_equal(write_some(nbd, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, part) || !strstr(err.message, NBD_SERVER_URI))
		fail_msg("'%s' is not in '%s'", part, err.message);
	smudge_error_clear(&err);
	assert_int_equal(disk.ops->read(disk.disk, 0, bytes, 4096, &err), 0);
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), 0);
	assert_false(is_new);
	nbd_disk_close(nbd);
	nbd_server_kill(pid);
}

static void test_full(void **state)
{
	check_error("--filter=error memory 4M error-pwrite=ENOSPC "
		    "error-pwrite-rate=1",
		    -ENOSPC, "is full: make room");
}

static void test_error_of_the_server(void **state)
{
	check_error("--filter=error memory 4M error-pwrite=EIO "
		    "error-pwrite-rate=1",
		    -EIO, "writing 1048576 bytes at 0 failed: Input/output");
}

TEST_MAIN_WITH(folder_enter, folder_leave, test_killed_and_started_again,
	       test_replaced_between, test_killed_meanwhile, test_full,
	       test_error_of_the_server)
