/* SPDX-License-Identifier: MIT */
/*
 * paint's loop: draw a frame, read the keys, wait.
 */
#include "paint.h"

#include "pace.h"
#include "words.h"

static void show_keys(void)
{
	uint32_t key;

	while ((key = guest_key()) != 0) {
		guest_put_text("paint: key ");
		guest_put_number(key & GUEST_KEY_KEYSYM);
		guest_put_text(key & GUEST_KEY_DOWN ? " down\n" : " up\n");
	}
}

static _Noreturn void fail(const char *why)
{
	guest_tell_error(why);
	guest_exit(GUEST_EXIT_ERRORS);
}

static void play(struct paint *paint, enum paint_scene scene,
		 struct guest_pace *pace)
{
	if (!(paint->scenes >> scene & 1))
		return;
	for (uint64_t frame = 0; frame < paint->frames; frame++) {
		if (!paint_frame(paint, scene))
			fail("the display took or refused the wrong mode");
		show_keys();
		guest_pace_step(pace);
	}
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct paint paint;
	struct guest_pace pace;
	uint64_t loop = 0;

	(void)ram_bytes;
	paint_configure(cmdline, &paint);
	if (!guest_display_find(&paint.max))
		fail("this machine has no display");
	paint.screen = paint.max;
	guest_pace_start(&pace, paint.rate_fps, 1);
	guest_put_text("paint: ready ");
	guest_put_number(paint.screen.width);
	guest_put_text("x");
	guest_put_number(paint.screen.height);
	guest_put_text("\n");
	do {
		loop++;
		for (int scene = 0; scene < PAINT_NSCENES; scene++)
			play(&paint, (enum paint_scene)scene, &pace);
		guest_tell((struct guest_count[]){{"loop", loop}, {0}});
	} while (loop != paint.loops);
	guest_tell((struct guest_count[]){{"done loops", loop}, {0}});
	guest_finish(0);
}
