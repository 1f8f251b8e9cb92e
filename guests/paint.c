/* SPDX-License-Identifier: MIT */
/*
 * paint's loop: a frame, the keys, a rest; paint.h.
 */
#include "paint.h"

static void show_keys(void)
{
	uint32_t key;

	while ((key = guest_key()) != 0) {
		guest_put_text("paint: key ");
		guest_put_number(key & GUEST_KEY_KEYSYM);
		guest_put_text(key & GUEST_KEY_DOWN ? " down\n" : " up\n");
	}
}

static void rest(struct paint *paint)
{
	if (!paint->rate_fps)
		return;
	paint->due += (uint32_t)(GUEST_TIMER_HZ / paint->rate_fps);
	/* more than a second late: do not catch up */
	if ((int32_t)(guest_timer() - paint->due) > (int32_t)GUEST_TIMER_HZ)
		paint->due = guest_timer();
	while ((int32_t)(guest_timer() - paint->due) < 0)
		__asm__ volatile("pause");
}

static _Noreturn void fail(const char *why)
{
	guest_put_text("paint: error ");
	guest_put_text(why);
	guest_put_text("\n");
	guest_exit(PAINT_EXIT_ERROR);
}

static void play(struct paint *paint, enum paint_scene scene)
{
	uint64_t frame;

	if (!(paint->scenes >> scene & 1))
		return;
	for (frame = 0; frame < paint->frames; frame++) {
		if (!paint_frame(paint, scene))
			fail("the display took or refused the wrong mode");
		show_keys();
		rest(paint);
	}
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct paint paint;
	uint64_t loop;
	int scene;

	(void)ram_bytes;
	paint_configure(cmdline, &paint);
	if (!guest_display_find(&paint.max))
		fail("this machine has no display");
	paint.screen = paint.max;
	paint.due = guest_timer();
	guest_put_text("paint: ready ");
	guest_put_number(paint.screen.width);
	guest_put_text("x");
	guest_put_number(paint.screen.height);
	guest_put_text("\n");
	for (loop = 1;; loop++) {
		for (scene = 0; scene < PAINT_NSCENES; scene++)
			play(&paint, (enum paint_scene)scene);
		guest_put_text("paint: loop ");
		guest_put_number(loop);
		guest_put_text("\n");
		if (loop == paint.loops)
			break;
	}
	guest_put_text("paint: done loops ");
	guest_put_number(loop);
	guest_put_text("\n");
	guest_exit(PAINT_EXIT_OK);
}
