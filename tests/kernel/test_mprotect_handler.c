/* SPDX-License-Identifier: MIT */
/*
 * The program's own handler of SIGSEGV beside the mprotect source's: what was
 * there before gets what is not ours, as the kernel would call it; what comes
 * later and passes on works; all is as it was when the last source is gone.
 * Ends of the process are tried in children.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/mprotect.h>

#include "track.h"

#define NPAGES 64
#define BYTES  (NPAGES * (size_t)4096)

static struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram, *forbidden;
} fixture;

static void open_source(struct fixture *f)
{
	assert_int_equal(smudge_mprotect_create(&f->source, NULL), 0);
	track_open(&f->track, f->ram, 0, NPAGES, 12);
	track_attach(&f->track, f->source, 0, 0);
	f->client = track_client(&f->track, "test");
	track_clean(&f->track, f->client);
}

static void close_source(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
}

static int set_up(void **state)
{
	struct fixture *f = &fixture;
	uint8_t *both = mmap(NULL, BYTES + 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(both, MAP_FAILED);
	f->ram = both;
	f->forbidden = both + BYTES;
	return mprotect(f->forbidden, 4096, PROT_READ);
}

static int tear_down(void **state)
{
	signal(SIGSEGV, SIG_DFL);
	return munmap(fixture.ram, BYTES + 4096);
}

static void store(uint8_t *at)
{
	*(volatile uint8_t *)at = 1;
}

/* A page of ours is stored to, and reported. */
static void expect_tracking(struct fixture *f)
{
	track_harvest(&f->track);
	track_clean(&f->track, f->client);
	store(f->ram + (size_t)7 * 4096);
	track_harvest(&f->track);
	track_expect(&f->track, f->client, 7);
}

static sigjmp_buf back;
static volatile int ncalls;
static const void *volatile seen_address;
static sigset_t seen_mask;

static void leaves(int signal, siginfo_t *info, void *context)
{
	ncalls++;
	seen_address = info->si_addr;
	pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
	siglongjmp(back, 1);
}

static void leaves_simply(int signal)
{
	ncalls++;
	pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
	siglongjmp(back, 1);
}

static void install(void (*with_info)(int, siginfo_t *, void *),
		    void (*simple)(int), int flags)
{
	struct sigaction action = {.sa_flags = flags};

	if (with_info) {
		action.sa_flags |= SA_SIGINFO;
		action.sa_sigaction = with_info;
	} else {
		action.sa_handler = simple;
	}
	sigaddset(&action.sa_mask, SIGUSR1);
	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
}

static void expect_passed_on(struct fixture *f, bool is_blocked)
{
	int before = ncalls;

	if (!sigsetjmp(back, 1)) {
		store(f->forbidden);
		fail_msg("the store was allowed");
	}
	assert_int_equal(ncalls, before + 1);
	assert_int_equal(sigismember(&seen_mask, SIGUSR1), 1);
	assert_int_equal(sigismember(&seen_mask, SIGUSR2), 0);
	assert_int_equal(sigismember(&seen_mask, SIGSEGV), is_blocked);
}

static void test_handler_before(void **state)
{
	struct fixture *f = &fixture;

	install(leaves, NULL, 0);
	open_source(f);
	expect_tracking(f);
	expect_passed_on(f, true);
	assert_ptr_equal(seen_address, f->forbidden);
	expect_passed_on(f, true);
	expect_tracking(f);
	close_source(f);
	expect_passed_on(f, true);
}

static void test_simple_handler_without_defer(void **state)
{
	struct fixture *f = &fixture;

	install(NULL, leaves_simply, SA_NODEFER);
	open_source(f);
	expect_passed_on(f, false);
	expect_tracking(f);
	close_source(f);
}

static bool is_installed(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction now;

	sigaction(SIGSEGV, NULL, &now);
	return now.sa_sigaction == handler;
}

static void test_restored_with_the_last(void **state)
{
	struct fixture *f = &fixture;
	struct smudge_source *other;

	install(leaves, NULL, SA_RESTART);
	open_source(f);
	assert_int_equal(smudge_mprotect_create(&other, NULL), 0);
	assert_false(is_installed(leaves));
	close_source(f);
	assert_false(is_installed(leaves));
	smudge_source_destroy(other);
	assert_true(is_installed(leaves));
}

static struct sigaction replaced;

/* As programs do that come later: theirs first, then what was there. */
static void passes_on(int signal, siginfo_t *info, void *context)
{
	ncalls++;
	replaced.sa_sigaction(signal, info, context);
}

static void test_handler_later(void **state)
{
	const struct sigaction later = {.sa_sigaction = passes_on,
					.sa_flags = SA_SIGINFO};
	struct fixture *f = &fixture;

	install(leaves, NULL, 0);
	open_source(f);
	assert_int_equal(sigaction(SIGSEGV, &later, &replaced), 0);
	ncalls = 0;
	expect_tracking(f);
	assert_int_equal(ncalls, 1);
	close_source(f);
	/* it is the program's to undo, and ours below it passes on */
	assert_true(is_installed(passes_on));
	if (!sigsetjmp(back, 1))
		store(f->forbidden);
	/* one more call where the store was tried again: a late fault's way */
	assert_in_range(ncalls, 3, 4);
	/* again: two of ours, with the program's between them */
	open_source(f);
	expect_tracking(f);
	if (!sigsetjmp(back, 1))
		store(f->forbidden);
	expect_tracking(f);
	close_source(f);
	assert_true(is_installed(passes_on));
	/* the program goes back to ours, which has no source */
	assert_int_equal(sigaction(SIGSEGV, &replaced, NULL), 0);
	if (!sigsetjmp(back, 1))
		store(f->forbidden);
	open_source(f);
	expect_tracking(f);
	close_source(f);
	assert_true(is_installed(leaves));
}

/* What @body does to a child: the signal that ended it, or 0. */
static int end_of(void (*body)(struct fixture *f))
{
	int status;
	pid_t child = fork();

	if (!child) {
		body(&fixture);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void store_to_forbidden(struct fixture *f)
{
	store(f->forbidden);
}

static void store_to_nothing(struct fixture *f)
{
	store(NULL);
}

static void run_data(struct fixture *f)
{
	memset(f->ram, 0xc3, 4096);
	((void (*)(void))(uintptr_t)f->ram)();
}

static void raise_it(struct fixture *f)
{
	raise(SIGSEGV);
}

static int overflow_by(struct fixture *f, int depth)
{
	volatile uint8_t frame[4096];

	frame[depth % 4096] = 1;
	return f->ram && depth >= 0 ? overflow_by(f, depth + 1) + frame[0]
				    : frame[1];
}

static void overflow(struct fixture *f)
{
	overflow_by(f, 0);
}

static void store_while_blocked(struct fixture *f)
{
	sigset_t mask;

	sigfillset(&mask);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	store(f->ram + (size_t)9 * 4096);
}

static void test_default(void **state)
{
	signal(SIGSEGV, SIG_DFL); /* not the test library's */
	open_source(&fixture);
	assert_int_equal(end_of(store_to_forbidden), SIGSEGV);
	assert_int_equal(end_of(store_to_nothing), SIGSEGV);
	assert_int_equal(end_of(run_data), SIGSEGV);
	assert_int_equal(end_of(raise_it), SIGSEGV);
	assert_int_equal(end_of(overflow), SIGSEGV);
	/* as the header says */
	assert_int_equal(end_of(store_while_blocked), SIGSEGV);
	close_source(&fixture);
}

static void test_ignored(void **state)
{
	signal(SIGSEGV, SIG_IGN);
	open_source(&fixture);
	assert_int_equal(end_of(raise_it), 0);
	assert_int_equal(end_of(store_to_forbidden), SIGSEGV);
	expect_tracking(&fixture);
	close_source(&fixture);
	assert_true(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
}

/* The second call has the default action. */
static void test_handler_of_one_call(void **state)
{
	struct fixture *f = &fixture;

	install(leaves, NULL, (int)SA_RESETHAND);
	open_source(f);
	expect_passed_on(f, true);
	expect_tracking(f);
	assert_int_equal(end_of(store_to_forbidden), SIGSEGV);
	close_source(f);
	assert_true(signal(SIGSEGV, SIG_DFL) == SIG_DFL);
}

static void exits(int signal, siginfo_t *info, void *context)
{
	_exit(44);
}

static void overflow_in_thread(struct fixture *f)
{
	static uint8_t stack[1 << 16];
	const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};

	sigaltstack(&other, NULL);
	overflow(f);
}

/* A handler of overflows works, on its own stack. */
static void test_alternate_stack(void **state)
{
	install(exits, NULL, SA_ONSTACK);
	open_source(&fixture);
	assert_int_equal(end_of(overflow_in_thread), -44);
	expect_tracking(&fixture);
	close_source(&fixture);
}

static void test_replaced_too_often(void **state)
{
	const struct sigaction later = {.sa_sigaction = passes_on,
					.sa_flags = SA_SIGINFO};
	struct smudge_error err = {0};
	struct smudge_source *source;
	int n = 0;

	while (n < 20 && smudge_mprotect_create(&source, &err) == 0) {
		sigaction(SIGSEGV, &later, NULL);
		smudge_source_destroy(source);
		n++;
	}
	assert_in_range(n, 6, 8); /* others of this file used some */
	assert_int_equal(err.code, -EBUSY);
	assert_non_null(strstr(err.message, "too often"));
}

TEST_MAIN_WITH(set_up, tear_down, test_handler_before,
	       test_simple_handler_without_defer, test_restored_with_the_last,
	       test_handler_later, test_default, test_ignored,
	       test_handler_of_one_call, test_alternate_stack,
	       test_replaced_too_often)
