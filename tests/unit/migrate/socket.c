/* SPDX-License-Identifier: MIT */
/*
 * The caller's socket may be set as it likes: options that would slow or stop a
 * migration are changed during it and restored at its end, also after a
 * failure; options without effect are not touched.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LOWAT_BYTES 4096
#define PATIENCE_NS UINT64_C(60000000000)

struct seen {
	struct rig *rig;
	int nodelay;
	int cork;
	int save_error;
};

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void set_option(int fd, int level, int name, int value)
{
	assert_int_equal(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

/* The rig's socketpair is exchanged for a connection over loopback. */
static void use_tcp(struct rig *rig)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	close(rig->fds[0]);
	close(rig->fds[1]);
	rig->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (void *)&at, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (void *)&at, &size), 0);
	assert_int_equal(connect(rig->fds[0], (void *)&at, size), 0);
	rig->fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(rig->fds[1] >= 0);
	close(listener);
}

/* All that a caller can set to a migration's disadvantage. */
static void make_awkward(int fd)
{
	const struct timeval moment = {.tv_usec = 1000};

	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 0);
	set_option(fd, IPPROTO_TCP, TCP_CORK, 1);
	set_option(fd, SOL_SOCKET, SO_RCVLOWAT, LOWAT_BYTES);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void assert_awkward(int fd)
{
	struct timeval moment = {0};
	socklen_t size = sizeof(moment);

	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_CORK), 1);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_RCVLOWAT), LOWAT_BYTES);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, &size);
	assert_true(moment.tv_usec > 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int stop(void *opaque)
{
	return 0;
}

static void resume(void *opaque)
{
}

static int look_and_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	struct seen *seen = opaque;
	int fd = seen->rig->fds[0];

	seen->nodelay = option_of(fd, IPPROTO_TCP, TCP_NODELAY);
	seen->cork = option_of(fd, IPPROTO_TCP, TCP_CORK);
	*ret_bytes = NULL;
	*ret_length = 0;
	return seen->save_error;
}

static int send_looking(struct rig *rig, struct seen *seen)
{
	const struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.opaque = seen,
		.machine_stop = stop,
		.machine_resume = resume,
		.state_save = look_and_save,
		.peer_timeout_ns = PATIENCE_NS,
	};

	return rig_send(rig, &options);
}

static void run(const char *name, int save_error)
{
	struct rig rig = {0};
	struct seen seen = {.rig = &rig, .save_error = save_error};

	rig_open(&rig, name);
	use_tcp(&rig);
	rig.state_bytes = 0;
	make_awkward(rig.fds[0]);
	make_awkward(rig.fds[1]);
	rig_start_receiver(&rig);
	assert_int_equal(send_looking(&rig, &seen), save_error);
	rig_join_receiver(&rig);
	assert_int_equal(seen.nodelay, 1);
	assert_int_equal(seen.cork, 0);
	assert_awkward(rig.fds[0]);
	assert_awkward(rig.fds[1]);
	rig_close(&rig);
}

static void a_socket_set_awkwardly(void **state)
{
	run("a_socket_set_awkwardly", 0);
}

static void options_are_put_back_after_a_failure(void **state)
{
	run("options_are_put_back_after_a_failure", -EIO);
}

/* qemu-user does not set the option. */
static void need_peek_offset(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int value = 1;
	bool is_there = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value,
				   sizeof(value)) == 0;

	close(fd);
	if (!is_there)
		test_skip_without("SO_PEEK_OFF", "sockets have no such option");
}

/* Other sockets have no TCP_NODELAY, and SO_PEEK_OFF. */
static void a_unix_socket(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	need_peek_offset();

	rig_open(&rig, "a_unix_socket");
	set_option(rig.fds[0], SOL_SOCKET, SO_PEEK_OFF, 1 << 20);
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), 0);
	rig_join_receiver(&rig);
	assert_int_equal(option_of(rig.fds[0], SOL_SOCKET, SO_PEEK_OFF),
			 1 << 20);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* A refusal that came with ACK is seen although the caller peeks further on. */
static void a_refusal_behind_the_caller_s_peek_offset(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_error err = {0};
	uint8_t two[2 * SMI_WIRE_HEADER_BYTES + 8] = {0};
	struct smi_link link;

	need_peek_offset();
	rig_open(&rig, "a_refusal_behind_the_caller_s_peek_offset");
	set_option(rig.fds[0], SOL_SOCKET, SO_PEEK_OFF, 1 << 20);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_END, 1);
	smi_wire_record_seal(two, SMI_WIRE_ACK, 0, 0);
	memcpy(two + 2 * SMI_WIRE_HEADER_BYTES, "\1\0\0\0late", 8);
	smi_wire_record_seal(two + SMI_WIRE_HEADER_BYTES, SMI_WIRE_REFUSE, 0,
			     8);
	smi_channel_send(smi_link_channel(&link), two, sizeof(two), &err);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO, "late");
	smi_link_close(&link);
	rig_close(&rig);
}

TEST_MAIN(a_socket_set_awkwardly, options_are_put_back_after_a_failure,
	  a_unix_socket, a_refusal_behind_the_caller_s_peek_offset)
