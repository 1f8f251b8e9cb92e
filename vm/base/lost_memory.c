/* SPDX-License-Identifier: MIT */
/*
 * The handler of SIGSEGV, and the zeros that end the waits.
 *
 * Nothing here is locked: a handler may interrupt anything.
 */
#include "base/lost_memory.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <smudge/error.h>

#include "base/ram.h"

#define LOOK_NS 1000000

/* Release by watch and forget, acquire by the handler. */
static _Atomic(const struct ram *) watched;
static atomic_bool is_released; /* release, acquire: the zeros are there */
static _Thread_local sigjmp_buf *way_out;

static bool is_guest_memory(const void *at)
{
	const struct ram *ram =
		atomic_load_explicit(&watched, memory_order_acquire);

	for (size_t i = 0; ram && i < ram->npieces; i++) {
		const struct ram_piece *piece = &ram->pieces[i];

		if ((uintptr_t)at >= (uintptr_t)piece->hva &&
		    (uintptr_t)at - (uintptr_t)piece->hva < piece->size_bytes)
			return true;
	}
	return false;
}

/* The instruction is tried again when it returns. */
static void wait_for_release(void)
{
	const struct timespec span = {.tv_nsec = LOOK_NS};
	int saved = errno;

	while (!atomic_load_explicit(&is_released, memory_order_acquire))
		nanosleep(&span, NULL);
	errno = saved;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	if (info->si_code <= 0 || !is_guest_memory(info->si_addr)) {
		/* it happens again, and ends the process */
		sigaction(SIGSEGV, &action, NULL);
		return;
	}
	if (way_out)
		siglongjmp(*way_out, 1);
	wait_for_release();
}

int lost_memory_watch(const struct ram *ram, struct smudge_error *err)
{
	/* not deferred: a handler may be left by a jump */
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};
	int ret;

	atomic_store_explicit(&is_released, false, memory_order_relaxed);
	atomic_store_explicit(&watched, ram, memory_order_release);
	if (sigaction(SIGSEGV, &action, NULL) == 0)
		return 0;
	ret = -errno;
	lost_memory_forget();
	return smudge_error_set(err, ret, "restore",
				"SIGSEGV cannot be handled: %s",
				strerror(-ret));
}

void lost_memory_forget(void)
{
	atomic_store_explicit(&watched, NULL, memory_order_release);
}

bool lost_memory_try(void (*work)(void *opaque), void *opaque)
{
	sigjmp_buf here;
	bool is_whole = false;

	/* without the mask: SIGSEGV is not blocked in the handler */
	if (!sigsetjmp(here, 0)) {
		way_out = &here;
		work(opaque);
		is_whole = true;
	}
	way_out = NULL;
	return is_whole;
}

void lost_memory_release(void)
{
	const struct ram *ram =
		atomic_load_explicit(&watched, memory_order_acquire);

	if (atomic_load_explicit(&is_released, memory_order_acquire))
		return;
	/* a mapping that cannot be replaced leaves them waiting */
	for (size_t i = 0; ram && i < ram->npieces; i++)
		(void)mmap(ram->pieces[i].hva, ram->pieces[i].size_bytes,
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED,
			   -1, 0);
	atomic_store_explicit(&is_released, true, memory_order_release);
}
