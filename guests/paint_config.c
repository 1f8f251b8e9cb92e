/* SPDX-License-Identifier: MIT */
/*
 * paint's command line.
 */
#include "paint.h"

#include "words.h"

#define DEFAULT_FRAMES 20
#define DEFAULT_SCENES (1u << PAINT_SHOW)
#define MAX_RATE_FPS   UINT64_C(100000)

const char guest_name[] = "paint";

static unsigned int scene(const char *text, size_t len)
{
	static const char *const names[PAINT_NSCENES] = {
		"show",	  "text",  "box",  "scroll",
		"redraw", "touch", "mode", "absurd"};

	for (unsigned int i = 0; i < PAINT_NSCENES; i++)
		if (guest_is(text, len, names[i]))
			return 1u << i;
	guest_refuse("there is no scene", text, len);
}

static unsigned int scenes(const struct guest_word *word)
{
	unsigned int all = 0;
	size_t start = 0;

	for (size_t i = 0; i <= word->value_len; i++) {
		if (i < word->value_len && word->value[i] != '+')
			continue;
		all |= scene(word->value + start, i - start);
		start = i + 1;
	}
	return all;
}

static void apply(const struct guest_word *word, struct paint *paint)
{
	if (guest_is(word->key, word->key_len, "scenes")) {
		paint->scenes = scenes(word);
	} else if (guest_is(word->key, word->key_len, "frames")) {
		paint->frames = guest_number(word, false);
		if (!paint->frames)
			guest_refuse("frames is at least 1, not", word->value,
				     word->value_len);
	} else if (guest_is(word->key, word->key_len, "rate")) {
		paint->rate_fps = guest_number(word, false);
		if (paint->rate_fps > MAX_RATE_FPS)
			guest_refuse("rate is at most 100000, not", word->value,
				     word->value_len);
	} else if (guest_is(word->key, word->key_len, "loops")) {
		paint->loops = guest_number(word, false);
	} else {
		guest_refuse("unknown parameter", word->key, word->key_len);
	}
}

void paint_configure(const char *cmdline, struct paint *paint)
{
	struct guest_word word;

	*paint = (struct paint){.scenes = DEFAULT_SCENES,
				.frames = DEFAULT_FRAMES};
	while (guest_next_word(&cmdline, &word))
		apply(&word, paint);
}
