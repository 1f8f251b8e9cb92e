/* SPDX-License-Identifier: MIT */
/*
 * A server that answers nothing: its timeout passes, and a cancel ends what is
 * under way, in each state of the connection.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "folder.h"
#include "nbd_server.h"

#define TIMEOUT_NS (400 * CLOCK_NS_PER_MS)
#define NTRIES	   20

static uint8_t bytes[1 << 20];

/* One of the four operations. */
static int use(struct nbd_disk *nbd, int which, struct smudge_error *err)
{
	struct smudge_disk disk = nbd_disk_device(nbd);

	smudge_error_clear(err);
	switch (which) {
	case 0:
		return disk.ops->write(disk.disk, 0, bytes, sizeof(bytes), err);
	case 1:
		return disk.ops->read(disk.disk, 0, bytes, sizeof(bytes), err);
	case 2:
		return disk.ops->zero(disk.disk, 0, sizeof(bytes), err);
	default:
		return disk.ops->flush(disk.disk, err);
	}
}

static void test_timeout(void **state)
{
	pid_t pid = nbd_server_start("memory 4M");
	struct smudge_error err = SMUDGE_ERROR_INIT;

	for (int which = 0; which < 4; which++) {
		struct nbd_disk *nbd = nbd_server_open(TIMEOUT_NS);
		int64_t began_ns = clock_now_ns();

		nbd_server_stop(pid);
		assert_int_equal(use(nbd, which, &err), -ETIMEDOUT);
		assert_true(clock_now_ns() - began_ns >= TIMEOUT_NS);
		assert_non_null(strstr(err.message, "did not answer in time"));
		kill(pid, SIGCONT);
		/* not all is over: another connection may be fine */
		nbd_disk_cancel(nbd);
		assert_int_not_equal(use(nbd, which, &err), 0);
		nbd_disk_close(nbd);
	}
	nbd_server_kill(pid);
}

/* The kernel accepts, but the server does not. */
static void test_timeout_of_connecting(void **state)
{
	pid_t pid = nbd_server_start("memory 4M");
	const struct nbd_disk_options options = {
		.end_fd = -1,
		.uri = NBD_SERVER_URI,
		.timeout_ns = TIMEOUT_NS,
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *nbd;

	nbd_server_stop(pid);
	assert_int_equal(nbd_disk_open(&options, &nbd, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.message, NBD_SERVER_URI));
	nbd_server_kill(pid);
}

/* To a server that is slow, but does answer. Return: how it ended. */
static int write_slowly(void)
{
	pid_t pid = nbd_server_start("--filter=multi-conn --filter=delay "
				     "-t 1 memory 32M delay-write=50ms "
				     "multi-conn-mode=disable");
	struct nbd_disk *nbd = nbd_server_open(TIMEOUT_NS);
	struct smudge_disk disk = nbd_disk_device(nbd);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	static uint8_t much[16 << 20];
	int ret = disk.ops->write(disk.disk, 0, much, sizeof(much), &err);

	nbd_disk_close(nbd);
	nbd_server_kill(pid);
	return ret;
}

/* On a busy machine the server may not run for a timeout. */
static void test_progress_is_no_timeout(void **state)
{
	int ret = -ETIMEDOUT;

	for (int i = 0; i < NTRIES && ret == -ETIMEDOUT; i++)
		ret = write_slowly();
	assert_int_equal(ret, 0);
}

static void *cancel_soon(void *opaque)
{
	usleep(50000);
	nbd_disk_cancel(opaque);
	return NULL;
}

static atomic_bool is_cancelled;

/* A cancel before it connects is of what was before. */
static void *cancel_on(void *opaque)
{
	while (!atomic_load(&is_cancelled)) {
		usleep(50000);
		nbd_disk_cancel(opaque);
	}
	return NULL;
}

static void *use_until_cancelled(void *opaque)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *nbd = opaque;

	return use(nbd, 0, &err) == -ECANCELED ? NULL : nbd;
}

static void test_cancel(void **state)
{
	pid_t pid = nbd_server_start("memory 4M");
	struct nbd_disk *nbd = nbd_server_open(0);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	pthread_t users[6], canceller;
	bool is_new = false;
	void *wrong;

	nbd_server_stop(pid);
	for (int i = 0; i < 6; i++)
		pthread_create(&users[i], NULL, use_until_cancelled, nbd);
	pthread_create(&canceller, NULL, cancel_soon, nbd);
	for (int i = 0; i < 6; i++) {
		pthread_join(users[i], &wrong);
		assert_null(wrong);
	}
	pthread_join(canceller, NULL);
	/* and while it connects */
	atomic_store(&is_cancelled, false);
	pthread_create(&canceller, NULL, cancel_on, nbd);
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), -ECANCELED);
	atomic_store(&is_cancelled, true);
	pthread_join(canceller, NULL);
	assert_false(is_new);
	kill(pid, SIGCONT);
	smudge_error_clear(&err);
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), 0);
	assert_true(is_new);
	assert_int_equal(use(nbd, 0, &err), 0);
	nbd_disk_close(nbd);
	nbd_server_kill(pid);
}

TEST_MAIN_WITH(folder_enter, folder_leave, test_timeout,
	       test_timeout_of_connecting, test_progress_is_no_timeout,
	       test_cancel)
