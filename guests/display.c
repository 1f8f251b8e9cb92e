/* SPDX-License-Identifier: MIT */
/*
 * The display's registers, from the guest's side.
 */
#include "display.h"

#include "ports.h"

#define PORT_INDEX 0x1ce
#define PORT_DATA  0x1cf
#define PORT_KEYS  0x1e0
#define ID	   0xb0c5

#define INDEX_ID	 0
#define INDEX_XRES	 1
#define INDEX_YRES	 2
#define INDEX_BPP	 3
#define INDEX_ENABLE	 4
#define INDEX_VIRT_WIDTH 6
#define INDEX_X_OFFSET	 8
#define INDEX_Y_OFFSET	 9

#define ENABLE_ON     0x01
#define ENABLE_MAXIMA 0x02
#define ENABLE_LINEAR 0x40
#define ENABLE_KEEP   0x80

static void set(uint16_t index, uint32_t value)
{
	out16(PORT_INDEX, index);
	out16(PORT_DATA, (uint16_t)value);
}

static uint16_t get(uint16_t index)
{
	out16(PORT_INDEX, index);
	return in16(PORT_DATA);
}

bool guest_display_find(struct guest_screen *ret_max)
{
	uint16_t enable;

	if (get(INDEX_ID) != ID)
		return false;
	enable = get(INDEX_ENABLE);
	set(INDEX_ENABLE, enable | ENABLE_MAXIMA);
	*ret_max = (struct guest_screen){.width = get(INDEX_XRES),
					 .height = get(INDEX_YRES)};
	ret_max->stride = ret_max->width;
	set(INDEX_ENABLE, enable);
	return true;
}

bool guest_display_set(const struct guest_screen *screen)
{
	set(INDEX_ENABLE, 0);
	set(INDEX_XRES, screen->width);
	set(INDEX_YRES, screen->height);
	set(INDEX_BPP, 32);
	set(INDEX_ENABLE, ENABLE_ON | ENABLE_LINEAR | ENABLE_KEEP);
	if (!(get(INDEX_ENABLE) & ENABLE_ON))
		return false;
	if (screen->stride)
		set(INDEX_VIRT_WIDTH, screen->stride);
	set(INDEX_X_OFFSET, screen->x_offset);
	set(INDEX_Y_OFFSET, screen->y_offset);
	return true;
}

volatile uint32_t *guest_display_line(const struct guest_screen *screen,
				      uint32_t line)
{
	uint64_t pixel = (uint64_t)(screen->y_offset + line) * screen->stride +
			 screen->x_offset;

	return (volatile uint32_t *)(GUEST_VRAM_GPA + pixel * 4);
}

void guest_display_fill(volatile uint32_t *pixels, uint32_t colour,
			uint64_t count)
{
	__asm__ volatile("cld; rep stosl"
			 : "+D"(pixels), "+c"(count)
			 : "a"(colour)
			 : "memory");
}

uint64_t guest_display_span(volatile uint32_t *pixels, uint32_t colour,
			    uint64_t count)
{
	uint64_t left = count;
	bool is_same = true;

	if (!count)
		return 0;
	__asm__ volatile("cld; repe scasl"
			 : "+D"(pixels), "+c"(left), "=@ccz"(is_same)
			 : "a"(colour)
			 : "memory");
	return is_same ? count : count - left - 1;
}

uint32_t guest_colour(uint32_t number)
{
	return (number * 0x9e3779b9u) >> 8;
}

uint32_t guest_key(void)
{
	return in32(PORT_KEYS);
}
