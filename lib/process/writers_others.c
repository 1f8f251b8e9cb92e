/* SPDX-License-Identifier: MIT */
/*
 * Other processes that map a region's memory, shared, and may write to it; and
 * those that have the same address space.
 */
#include "process/writers.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/maps.h"
#include "process/proc_dir.h"

#define WHERE	       "process"
#define MAX_COMM_BYTES 64

static bool is_same_file(const struct smi_object *object,
			 const struct smi_process_mapping *m)
{
	return m->has_file && m->inode == object->inode &&
	       m->dev_major == object->dev_major &&
	       m->dev_minor == object->dev_minor;
}

/* Do both show a byte of the file? */
static bool is_of_area(const struct smi_area *area,
		       const struct smi_process_mapping *m)
{
	const struct smi_object *object = &area->object;

	return object->is_shared && object->has_file && m->is_shared &&
	       m->is_writable && is_same_file(object, m) &&
	       m->file_off < object->file_off + (area->end - area->start) &&
	       object->file_off < m->file_off + (m->end - m->start);
}

static bool maps_area(const struct smi_process_maps *maps,
		      const struct smi_area *area)
{
	for (size_t i = 0; i < maps->n; i++) {
		if (is_of_area(area, &maps->list[i]))
			return true;
	}
	return false;
}

/* @area: or NULL, for one that has the same address space */
static void tell(const struct smi_writers *writers, int proc, pid_t pid,
		 const struct smi_area *area)
{
	struct smudge_process_writer writer = {
		.size = sizeof(writer),
		.kind = area ? SMUDGE_PROCESS_WRITER_PROCESS
			     : SMUDGE_PROCESS_WRITER_TWIN,
		.pid = pid,
		.name = "",
		.first_address = area ? area->start : 0,
		.end_address = area ? area->end : 0,
	};
	size_t length = 0;
	char *comm = NULL;

	if (!smi_proc_dir_read(proc, "comm", MAX_COMM_BYTES, &comm, &length)) {
		comm[strcspn(comm, "\n")] = '\0';
		writer.name = comm;
	}
	writers->each(writers->opaque, &writer);
	free(comm);
}

/* One that ended meanwhile writes no more. */
static int look_at(struct smi_writers *writers, int proc, pid_t pid)
{
	const struct smudge_process *process = writers->process;
	struct smi_process_maps maps;
	int ret = smi_process_maps_read(proc, &maps, NULL);

	if (ret == -EPERM || ret == -EACCES) {
		writers->nunreadable++;
		return 0;
	}
	if (ret < 0)
		return ret == -ESRCH ? 0 : ret;
	for (size_t i = 0; i < process->nareas; i++) {
		if (maps_area(&maps, process->areas[i]))
			tell(writers, proc, pid, process->areas[i]);
	}
	smi_process_maps_free(&maps);
	return 0;
}

/* What it writes is detected, since it has the same page tables. */
static bool is_twin(const struct smudge_process *process, pid_t pid)
{
	return syscall(SYS_kcmp, process->pid, pid, KCMP_VM, 0, 0) == 0;
}

static int look_at_pid(struct smi_writers *writers, pid_t pid,
		       bool may_map_area)
{
	const struct smudge_process *process = writers->process;
	bool is_one;
	int proc, ret = 0;

	if (pid <= 0 || pid == process->pid || pid == getpid())
		return 0;
	is_one = is_twin(process, pid);
	if (!is_one && !may_map_area)
		return 0;
	proc = smi_proc_dir_open(pid);
	if (proc < 0)
		return proc == -ESRCH ? 0 : proc;
	if (is_one)
		tell(writers, proc, pid, NULL);
	else
		ret = look_at(writers, proc, pid);
	close(proc);
	return ret;
}

static pid_t pid_of(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return *end || pid > INT32_MAX ? 0 : (pid_t)pid;
}

/* Only such memory can be another process's too. */
static bool has_shared_area(const struct smudge_process *process)
{
	for (size_t i = 0; i < process->nareas; i++) {
		const struct smi_object *object = &process->areas[i]->object;

		if (object->is_shared && object->has_file)
			return true;
	}
	return false;
}

int smi_writers_of_others(struct smi_writers *writers, struct smudge_error *err)
{
	bool may_map_area = has_shared_area(writers->process);
	DIR *all = opendir("/proc");
	struct dirent *entry;
	int ret = all ? 0 : -errno;

	while (!ret && (entry = readdir(all)))
		ret = look_at_pid(writers, pid_of(entry->d_name), may_map_area);
	if (all)
		closedir(all);
	if (ret)
		smudge_error_set(err, ret, WHERE,
				 "cannot read the mappings of all processes "
				 "from /proc: %s",
				 strerror(-ret));
	return ret;
}
