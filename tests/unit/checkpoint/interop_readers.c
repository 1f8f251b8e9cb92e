/* SPDX-License-Identifier: MIT */
/*
 * Servers of block devices read layers as smudge does: qemu-nbd and
 * qemu-storage-daemon, through libnbd's clients.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../qcow2/qemu_img.h"
#include "history.h"

#define SHELL(script, ...) QEMU_TOOL("sh", "-c", script, "sh", __VA_ARGS__)

static void need(const char *program)
{
	qemu_img_need();
	if (SHELL("command -v \"$1\" >/dev/null", program))
		test_skip_without(program, "it is not installed");
}

/* The child of a child of a full one, and another child; regions come and go.
 */
static void begin(struct history *h, const char *name)
{
	struct test_rng rng = test_rng_start(name);

	history_begin(h, test_rng_next(&rng));
	history_save(h, 0, 0, false);
	history_save(h, 1, 0, true);
	history_save(h, 2, 1, true);
	history_save(h, 1, 0, true);
	/* Layer 2 as another writer has it. */
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", "-B",
				  "layer-00000001.qcow2", "-F", "qcow2",
				  "layer-00000002.qcow2", "new"),
			 0);
	assert_int_equal(rename("new", "layer-00000002.qcow2"), 0);
}

static void check_with(const char *name, const char *script)
{
	struct history h;

	begin(&h, name);
	for (uint64_t i = 1; i <= h.nfiles; i++) {
		char file[HISTORY_NAME_BYTES];

		history_name(i, file);
		assert_int_equal(SHELL(script, file), 0);
		assert_int_equal(history_shown_raw(&h, "served"), i - 1);
		assert_int_equal(history_check(&h, i, name), i - 1);
		unlink("served");
	}
	history_end(&h);
}

static void qemu_nbd_serves_layers(void **state)
{
	need("qemu-nbd");
	need("nbdcopy");
	need("nbdinfo");
	check_with("nbd",
		   "set -e\n"
		   "nbdinfo --map -- [ qemu-nbd -r -f qcow2 $1 ] >/dev/null\n"
		   "size=$(nbdinfo --size -- [ qemu-nbd -r -f qcow2 $1 ])\n"
		   "nbdcopy -- [ qemu-nbd -r -f qcow2 $1 ] served\n"
		   "test $(stat -c %s served) = $size\n");
}

static void qemu_storage_daemon_serves_layers(void **state)
{
	need("qemu-storage-daemon");
	need("nbdcopy");
	check_with("daemon",
		   "qemu-storage-daemon --blockdev driver=file,filename=$1,"
		   "node-name=file,read-only=on --blockdev driver=qcow2,"
		   "file=file,node-name=layer,read-only=on --nbd-server "
		   "addr.type=unix,addr.path=socket --export type=nbd,id=nbd,"
		   "node-name=layer &\n"
		   "for i in $(seq 1000); do\n"
		   "  test -S socket && break; sleep 0.01\n"
		   "done\n"
		   "nbdcopy 'nbd+unix:///layer?socket=socket' served\n"
		   "status=$?; kill $!; wait $!; rm -f socket; exit $status\n");
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, qemu_nbd_serves_layers,
	       qemu_storage_daemon_serves_layers)
