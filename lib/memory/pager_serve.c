/* SPDX-License-Identifier: MIT */
/*
 * A thread waits for a page fault, and answers it before it reads another one,
 * so that the others get theirs.
 *
 * What is done with a page that is waited for:
 *
 *	missing              the program brings it
 *	zeros                zeros, clean
 *	brought              it was dropped: zeros, which count as written
 *	of no area           the same, if it is of a range that is kept
 *	                     (sys/uffd_rest.h)
 *	after a failure      nothing: it is inaccessible
 */
#include "memory/pager_serve.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "memory/pager_bits.h"
#include "memory/pager_fail.h"
#include "memory/pager_install.h"
#include "sys/clock.h"
#include "sys/error.h"
#include "sys/log.h"
#include "sys/uffd_rest.h"
#include "common/thread.h"

#define WHERE "pager"

struct server {
	struct smudge_pager *pager;
	unsigned int number;
};

static struct smi_pager_area *find_area(struct smudge_pager *pager,
					uint64_t address)
{
	for (size_t i = 0; i < pager->nareas; i++) {
		struct smi_pager_area *area = &pager->areas[i];

		if (address >= area->start && address < area->end)
			return area;
	}
	return NULL;
}

static int bring(const struct server *server, struct smi_pager_area *area,
		 uint64_t page, struct smudge_error *err)
{
	const struct smudge_pager_options *o = &server->pager->options;
	int ret = o->bring(o->opaque, server->number, area->index,
			   page * area->page_bytes, area->page_bytes, err);

	ret = smi_sys_callback_check(err, ret, area->region->name, "bring");
	if (ret == 0 && !smi_pager_bit(area->brought, page))
		ret = smudge_error_set(err, -EIO, WHERE,
				       "the page that was waited for was not "
				       "brought");
	if (ret < 0 && !err->code)
		smudge_error_set(err, ret, WHERE,
				 "a page of region %s could not be brought: %s",
				 area->region->name, strerror(-ret));
	return ret;
}

/* Relaxed, all: statistics. */
static void count_fault(struct smi_pager_counters *counters, uint64_t ns)
{
	uint64_t longest = atomic_load_explicit(&counters->longest_fault_ns,
						memory_order_relaxed);

	smi_add(&counters->faults, 1);
	smi_add(&counters->total_fault_ns, ns);
	atomic_store_explicit(&counters->last_fault_ns, ns,
			      memory_order_relaxed);
	while (ns > longest &&
	       !atomic_compare_exchange_weak_explicit(
		       &counters->longest_fault_ns, &longest, ns,
		       memory_order_relaxed, memory_order_relaxed))
		;
}

static int serve_absent(const struct server *server,
			struct smi_pager_area *area, uint64_t page,
			struct smudge_error *err)
{
	struct smi_pager_counters *counters = &server->pager->counters;
	uint64_t begin_ns = smi_sys_now_ns();
	uint64_t n;
	int ret;

	if (smi_pager_state(area, page) == SMI_PAGER_ZEROS) {
		smi_add(&counters->zero_faults, 1);
		return smi_pager_install(area, page, page + 1, NULL, &n, err);
	}
	ret = bring(server, area, page, err);
	if (ret == 0)
		count_fault(counters, smi_sys_now_ns() - begin_ns);
	return ret;
}

static void serve(const struct server *server, struct smi_pager_area *area,
		  uint64_t page)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = 0;

	if (smi_pager_bit(area->brought, page)) {
		smi_add(&server->pager->counters.zero_faults, 1);
		smi_pager_refill(area, page);
		return;
	}
	if (smi_pager_has_failed(server->pager))
		smi_pager_forbid_again(area, page);
	else
		ret = serve_absent(server, area, page, &err);
	if (ret < 0)
		smi_pager_fail(server->pager, &err, true);
	/* Another thread may have installed it since the message was read. */
	smi_pager_wake(area, page);
}

static void serve_address(const struct server *server, uint64_t address)
{
	struct smi_pager_area *area = find_area(server->pager, address);

	if (area)
		serve(server, area, (address - area->start) / area->page_bytes);
	else
		smi_sys_uffd_rest_bring(address);
}

static void descriptor_failed(const struct server *server, int code)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	smudge_error_set(&err, code, WHERE,
			 "the userfaultfd cannot be read: %s", strerror(-code));
	smi_pager_fail(server->pager, &err, true);
}

/* Return: false when the thread is to end. */
static bool serve_next(const struct server *server)
{
	struct pollfd fds[2] = {
		{.fd = server->pager->areas[0].use.fd, .events = POLLIN},
		{.fd = server->pager->end, .events = POLLIN},
	};
	uint64_t address;
	int ret;

	SMI_SYS_LOG_SCOPE();
	if (poll(fds, 2, -1) < 0 && errno != EINTR && errno != EAGAIN) {
		descriptor_failed(server, -errno);
		return false;
	}
	if (fds[1].revents)
		return false;
	ret = fds[0].revents ? smi_sys_uffd_read(fds[0].fd, &address) : 0;
	if (ret > 0)
		serve_address(server, address);
	if (ret < 0)
		descriptor_failed(server, ret);
	return ret >= 0;
}

static void *run_server(void *opaque)
{
	struct server server = {.pager = opaque};

	/* Relaxed: only the number has to be another one. */
	server.number = atomic_fetch_add_explicit(&server.pager->nbegun, 1,
						  memory_order_relaxed);
	pthread_mutex_lock(&server.pager->gate);
	pthread_mutex_unlock(&server.pager->gate);
	while (serve_next(&server))
		;
	return NULL;
}

static int start_thread(struct smudge_pager *pager)
{
	int ret = thread_start(&pager->threads[pager->nthreads], run_server,
			       pager);

	pager->nthreads += ret == 0;
	return ret;
}

int smi_pager_start(struct smudge_pager *pager, struct smudge_error *err)
{
	pager->end = eventfd(0, EFD_CLOEXEC);
	if (pager->end < 0)
		return smudge_error_set(err, -errno, WHERE,
					"no descriptor to end threads with: %s",
					strerror(errno));
	pthread_mutex_lock(&pager->gate);
	while (pager->nthreads < pager->options.nthreads) {
		if (start_thread(pager) == 0)
			continue;
		eventfd_write(pager->end, 1);
		smi_pager_serve(pager);
		return smudge_error_set(err, -EAGAIN, WHERE,
					"no thread could be created to answer "
					"page faults");
	}
	return 0;
}

void smi_pager_serve(struct smudge_pager *pager)
{
	pthread_mutex_unlock(&pager->gate);
}

void smi_pager_stop(struct smudge_pager *pager)
{
	if (pager->nthreads)
		eventfd_write(pager->end, 1);
	for (unsigned int i = 0; i < pager->nthreads; i++)
		pthread_join(pager->threads[i], NULL);
	if (pager->end >= 0)
		close(pager->end);
}

bool smi_pager_is_waited(const struct smudge_pager *pager)
{
	struct pollfd fd = {.fd = pager->areas[0].use.fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}
