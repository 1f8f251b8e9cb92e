/* SPDX-License-Identifier: MIT */
/*
 * Waits, how they end, and accepting while there is no descriptor.
 */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/accept.h"
#include "common/wait.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_how_it_ends(void **state)
{
	int quiet = eventfd(0, EFD_CLOEXEC);
	int ready = eventfd(1, EFD_CLOEXEC);
	int64_t began_ms = now_ms();

	assert_int_equal(wait_ready(ready, POLLIN, quiet, -1), 0);
	assert_int_equal(wait_ready(ready, POLLIN, -1, -1), 0);
	assert_int_equal(wait_ready(quiet, POLLIN, ready, -1), -ECANCELED);
	/* the end comes before descriptors that are ready */
	assert_int_equal(wait_ready(ready, POLLIN, ready, -1), -ECANCELED);
	assert_int_equal(wait_ready(quiet, POLLIN, quiet, 0), -ETIMEDOUT);
	assert_int_equal(wait_ready(quiet, POLLIN, quiet, 50), -ETIMEDOUT);
	assert_true(now_ms() - began_ms >= 50);
	assert_true(wait_is_over(ready));
	assert_false(wait_is_over(quiet));
	assert_false(wait_is_over(-1));
	close(quiet);
	close(ready);
}

static void test_either(void **state)
{
	int one = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int either = wait_either(one, other);
	int alone = wait_either(one, -1);
	eventfd_t ignored;

	assert_true(either >= 0 && alone >= 0);
	assert_false(wait_is_over(either));
	eventfd_write(other, 1);
	assert_true(wait_is_over(either));
	assert_false(wait_is_over(alone));
	eventfd_read(other, &ignored);
	assert_false(wait_is_over(either));
	eventfd_write(one, 1);
	assert_true(wait_is_over(either));
	assert_true(wait_is_over(alone));
	assert_int_equal(wait_either(one, one), -EEXIST);
	close(either);
	close(alone);
	close(one);
	close(other);
}

static void ignore(int number)
{
	(void)number;
}

/* Signals that are handled come again and again. */
static void test_signals_do_not_prolong(void **state)
{
	const struct itimerval often = {{0, 5000}, {0, 5000}};
	const struct itimerval never = {{0, 0}, {0, 0}};
	const struct sigaction action = {.sa_handler = ignore};
	int quiet = eventfd(0, EFD_CLOEXEC);
	int64_t began_ms = now_ms();

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(wait_ready(quiet, POLLIN, -1, 100), -ETIMEDOUT);
	setitimer(ITIMER_REAL, &never, NULL);
	assert_true(now_ms() - began_ms >= 100);
	/* a busy machine is late; what they prolong has no end */
	assert_true(now_ms() - began_ms < 60000);
	close(quiet);
}

/* poll refuses, and the wait continues without using the processor. */
static void test_no_descriptors_allowed(void **state)
{
	int quiet = eventfd(0, EFD_CLOEXEC);
	int64_t began_ms = now_ms();
	struct timespec before_cpu;
	struct timespec cpu;
	struct rlimit before;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &before);
	limit = (struct rlimit){0, before.rlim_max};
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before_cpu);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(wait_ready(quiet, POLLIN, -1, 300), -ETIMEDOUT);
	setrlimit(RLIMIT_NOFILE, &before);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	assert_true(now_ms() - began_ms >= 300);
	assert_true((cpu.tv_sec - before_cpu.tv_sec) * 1000 +
			    (cpu.tv_nsec - before_cpu.tv_nsec) / 1000000 <
		    100);
	close(quiet);
}

static int listen_somewhere(struct sockaddr_un *address, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* the kernel gives it an abstract name */
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	*len = sizeof(sa_family_t);
	assert_int_equal(bind(fd, (void *)address, *len), 0);
	*len = sizeof(*address);
	assert_int_equal(getsockname(fd, (void *)address, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void test_pause_without_descriptors(void **state)
{
	struct accept_pause pause = {0};
	struct sockaddr_un address;
	struct rlimit before;
	struct rlimit limit;
	socklen_t len;
	int listener = listen_somewhere(&address, &len);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd, left_ms;

	assert_int_equal(accept_client(listener, NULL, NULL, &pause), -EAGAIN);
	assert_int_equal(accept_pause_ms(&pause), 0);
	assert_int_equal(connect(client, (void *)&address, len), 0);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = (struct rlimit){(rlim_t)client + 1, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &limit);
	/* On a busy machine it may be over before it is asked for. */
	do {
		assert_int_equal(accept_client(listener, NULL, NULL, &pause),
				 -EMFILE);
		left_ms = accept_pause_ms(&pause);
	} while (!left_ms);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_in_range(left_ms, 1, 1000);
	assert_int_equal(wait_ready(-1, POLLIN, -1, left_ms), -ETIMEDOUT);
	assert_int_equal(accept_pause_ms(&pause), 0);
	fd = accept_client(listener, NULL, NULL, &pause);
	assert_true(fd >= 0);
	close(fd);
	close(client);
	close(listener);
}

TEST_MAIN(test_how_it_ends, test_either, test_signals_do_not_prolong,
	  test_no_descriptors_allowed, test_pause_without_descriptors)
