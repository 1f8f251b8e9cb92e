/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation of a send or a receive fails, for every n: the call
 * returns -ENOMEM, and the peer gets code 6, also when it happens before the
 * greetings.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail_memory.h"
#include "stream.h"

#define FIRST 2 /* the first allocation is the handle's own */
#define MOST  200

static void at_the_receiver(void **state)
{
	static struct stream stream;
	struct stream_player *player = stream_player_create();
	struct stream_result result;
	unsigned int n = FIRST;

	assert_non_null(player);
	stream_good(&stream);
	for (; n < MOST; n++) {
		fail_memory_at(n);
		result = stream_play(player, stream.bytes, stream.length);
		fail_memory_off();
		if (!fail_memory_has_failed())
			break;
		if (result.error != -ENOMEM || result.told_code != 6 ||
		    !strstr(result.told, "no memory"))
			fail_msg("allocation %u: %d, code %u, \"%s\"", n,
				 result.error, result.told_code, result.told);
	}
	assert_int_equal(result.error, 0);
	assert_in_range(n, FIRST + 4, MOST - 1);
	stream_player_destroy(player);
}

/* The receiver is another process, whose allocations do not count. */
static pid_t start_receiver(struct rig *rig)
{
	struct smi_link link;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	fail_memory_off();
	close(rig->fds[0]);
	rig_link_open(rig, &link);
	_exit((int)rig_serve(&link));
}

/* Return: was an allocation failed? */
static bool send_with(unsigned int n)
{
	struct rig rig = {.page_shift = 12, .npages = {16, 4}};
	bool has_failed;
	int status;
	pid_t pid;

	rig.rounds_wanted = 1;
	rig_open(&rig, "at_the_sender");
	pid = start_receiver(&rig);
	rig_close_destination(&rig);
	fail_memory_at(n);
	rig.send_error = rig_send(&rig, NULL);
	fail_memory_off();
	has_failed = fail_memory_has_failed();
	shutdown(rig.fds[0], SHUT_RDWR);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (rig.send_error != (has_failed ? -ENOMEM : 0) ||
	    !WIFEXITED(status) || WEXITSTATUS(status) != (has_failed ? 6 : 0))
		fail_msg("allocation %u: %d \"%s\", status 0x%x", n,
			 rig.send_error, rig.send_err.message, status);
	rig_assert_untracked(&rig);
	rig_close(&rig);
	return has_failed;
}

static void at_the_sender(void **state)
{
	unsigned int n = 1;

	while (n < MOST && send_with(n))
		n++;
	assert_in_range(n, 6, MOST - 1);
}

TEST_MAIN(at_the_receiver, at_the_sender)
