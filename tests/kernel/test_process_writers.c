/* SPDX-License-Identifier: MIT */
/*
 * Who may write to a process's memory undetected: each kind is listed, with
 * what it may write to, and nothing else is.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "process_rig.h"
#include "support.h"

#define P     ((uint64_t)RIG_PAGE)
#define N     16
#define BYTES (N * P)
#define RW    (PROT_READ | PROT_WRITE)

static struct process_rig rig;
static int memfd;   /* there */
static uint64_t at; /* BYTES of it, mapped there, from its page N on */

static void open_rig(void)
{
	test_need_uffd();
	process_rig_start(&rig);
	memfd = rig_memfd(&rig, 2 * BYTES);
	at = rig_mmap(&rig, 0, 2 * BYTES, RW, MAP_SHARED, memfd);
	rig_munmap(&rig, at, BYTES);
	at += BYTES;
	process_rig_track(&rig, NULL);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

/* Another process that maps @npages of the memfd, from @page on. */
struct mapper {
	pid_t pid;
	int pipe[2]; /* it ends when this is closed */
};

static void hold_map(int fd, uint64_t page, uint64_t npages, int prot,
		     int flags, const struct mapper *mapper)
{
	char byte = 'x';

	if (mmap(NULL, npages * P, prot, flags, fd, (off_t)(page * P)) ==
	    MAP_FAILED)
		_exit(1);
	if (write(mapper->pipe[1], &byte, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void start(struct mapper *mapper, uint64_t page, uint64_t npages,
		  int prot, int flags)
{
	char path[64], byte;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)rig.pid, memfd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pipe2(mapper->pipe, O_CLOEXEC), 0);
	mapper->pid = fork();
	assert_true(mapper->pid >= 0);
	if (mapper->pid == 0)
		hold_map(fd, page, npages, prot, flags, mapper);
	close(fd);
	close(mapper->pipe[1]);
	assert_int_equal(read(mapper->pipe[0], &byte, 1), 1);
}

static void end(struct mapper *mapper)
{
	kill(mapper->pid, SIGKILL);
	assert_int_equal(waitpid(mapper->pid, NULL, 0), mapper->pid);
	close(mapper->pipe[0]);
}

/* What was listed, of the kind and process that is looked for. */
struct found {
	enum smudge_process_writer_kind kind;
	pid_t pid;
	int n;
	struct smudge_process_writer last;
	char name[64];
};

static void find(void *opaque, const struct smudge_process_writer *writer)
{
	struct found *found = opaque;

	assert_int_equal(writer->size, sizeof(*writer));
	assert_non_null(writer->name);
	if (writer->kind != found->kind || writer->pid != found->pid)
		return;
	found->n++;
	found->last = *writer;
	snprintf(found->name, sizeof(found->name), "%s", writer->name);
}

static struct found find_all(enum smudge_process_writer_kind kind, pid_t pid)
{
	struct found found = {.kind = kind, .pid = pid};
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_true(smudge_process_each_writer(rig.process, find, &found,
					       &err) >= 0);
	return found;
}

static int count(uint64_t page, uint64_t npages, int prot, int flags)
{
	struct mapper mapper;
	struct found found;

	start(&mapper, page, npages, prot, flags);
	found = find_all(SMUDGE_PROCESS_WRITER_PROCESS, mapper.pid);
	end(&mapper);
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_PROCESS, mapper.pid).n,
			 0);
	if (found.n) {
		assert_int_equal(found.last.first_address, at);
		assert_int_equal(found.last.end_address, at + BYTES);
		assert_string_equal(found.name, "test_process_wr");
	}
	return found.n;
}

static void another_process(void)
{
	assert_int_equal(count(N, N, RW, MAP_SHARED), 1);
	assert_int_equal(count(0, N + 1, RW, MAP_SHARED), 1);
	assert_int_equal(count(2 * N - 1, 1, PROT_WRITE, MAP_SHARED), 1);
}

static void one_that_cannot_write_there(void)
{
	assert_int_equal(count(0, N, RW, MAP_SHARED), 0);
	assert_int_equal(count(N, N, PROT_READ, MAP_SHARED), 0);
	assert_int_equal(count(N, N, RW, MAP_PRIVATE), 0);
}

static void the_process_itself_is_none(void)
{
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_PROCESS, rig.pid).n, 0);
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_PROCESS, getpid()).n,
			 0);
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_DEVICE, rig.pid).n, 0);
}

/* The rig's descriptor of it can write it by write(2). */
static void a_file_that_it_has_open(void)
{
	struct found found = find_all(SMUDGE_PROCESS_WRITER_FILE, rig.pid);

	assert_int_equal(found.n, 1);
	assert_int_equal(found.last.first_address, at);
	assert_int_equal(found.last.end_address, at + BYTES);
	assert_true(rig_syscall(&rig, SYS_close, (uint64_t)memfd, 0) == 0);
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_FILE, rig.pid).n, 0);
}

/* The last half of the region, and each of the two shows the other's. */
static void bytes_that_it_maps_twice(void)
{
	uint64_t view = rig_mmap(&rig, 0, 2 * BYTES, RW, MAP_SHARED, memfd);
	struct found found;

	assert_true(rig_syscall(&rig, SYS_close, (uint64_t)memfd, 0) == 0);
	rig_munmap(&rig, view, BYTES + BYTES / 2);
	found = find_all(SMUDGE_PROCESS_WRITER_FILE, rig.pid);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.last.first_address, at + BYTES / 2);
	assert_int_equal(found.last.end_address, at + BYTES);
	rig_mprotect(&rig, view + BYTES + BYTES / 2, BYTES / 2, PROT_READ);
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_FILE, rig.pid).n, 0);
}

/* A page of zeros there, for a call to read and write. */
static uint64_t zeros(void)
{
	return rig_mmap(&rig, 0, P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void rings(void)
{
	struct found found;

	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_IO_URING, rig.pid).n,
			 0);
	if (rig_syscall(&rig, SYS_io_uring_setup, 4, zeros()) < 0) {
		print_message("# no io_uring here\n");
		close_rig();
		skip();
	}
	found = find_all(SMUDGE_PROCESS_WRITER_IO_URING, rig.pid);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.name, "anon_inode:[io_uring]");
	assert_int_equal(found.last.end_address, 0);
}

/* Its ring is a mapping, which a harvest compares. */
static void contexts_of_aio(void)
{
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_AIO, rig.pid).n, 0);
	if (rig_syscall(&rig, SYS_io_setup, 4, zeros()) < 0) {
		print_message("# no AIO here\n");
		close_rig();
		skip();
	}
	rig_harvest(&rig);
	assert_int_equal(find_all(SMUDGE_PROCESS_WRITER_AIO, rig.pid).n, 1);
}

/* Root's processes, of which this user may not read the mappings. */
static bool count_unreadable(void *opaque)
{
	struct found none = {.pid = 0};
	bool is_right;

	open_rig();
	is_right =
		smudge_process_each_writer(rig.process, find, &none, NULL) > 0;
	/* Private memory is no other process's. */
	rig_munmap(&rig, at, BYTES);
	rig_harvest(&rig);
	is_right &=
		smudge_process_each_writer(rig.process, find, &none, NULL) == 0;
	close_rig();
	return is_right;
}

static void those_that_may_not_be_read(void **state)
{
	test_need_uffd();
	run_as(true, count_unreadable, NULL);
}

static void ended(void)
{
	struct found found = {0};
	struct smudge_error err = SMUDGE_ERROR_INIT;

	rig_exit(&rig);
	assert_int_equal(
		smudge_process_each_writer(rig.process, find, &found, &err),
		-ESRCH);
	assert_int_equal(err.code, -ESRCH);
	assert_true(err.message[0] != '\0');
}

RIG_CASE(another_process)
RIG_CASE(one_that_cannot_write_there)
RIG_CASE(the_process_itself_is_none)
RIG_CASE(a_file_that_it_has_open)
RIG_CASE(bytes_that_it_maps_twice)
RIG_CASE(rings)
RIG_CASE(contexts_of_aio)
RIG_CASE(ended)

RIG_MAIN(case_another_process, case_one_that_cannot_write_there,
	 case_the_process_itself_is_none, case_a_file_that_it_has_open,
	 case_bytes_that_it_maps_twice, case_rings, case_contexts_of_aio,
	 those_that_may_not_be_read, case_ended)
