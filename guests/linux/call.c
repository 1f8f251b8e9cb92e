/* SPDX-License-Identifier: MIT */
/*
 * Linux's calls on x86-64, without a library.
 */
#include "call.h"

#include <asm/unistd.h>
#include <linux/rtc.h>
#include <linux/time.h>
#include <linux/fcntl.h>

#define SECOND_NS INT64_C(1000000000)

static long call(long number, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

void line_begin(struct line *line, const char *text)
{
	line->len = 0;
	line_add(line, text);
}

void line_add(struct line *line, const char *text)
{
	while (*text && line->len < sizeof(line->text) - 1)
		line->text[line->len++] = *text++;
}

void line_add_number(struct line *line, uint64_t number)
{
	char digits[21];
	size_t first = sizeof(digits) - 1;

	digits[first] = '\0';
	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	line_add(line, digits + first);
}

void line_print(struct line *line)
{
	line->text[line->len++] = '\n';
	for (size_t done = 0; done < line->len;) {
		long ret = call(__NR_write, 1, (long)(line->text + done),
				(long)(line->len - done));

		if (ret <= 0)
			break;
		done += (size_t)ret;
	}
}

/* Days from 1970 to the day, by the Gregorian calendar. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	/* a year that ends with February */
	if (month <= 2) {
		year--;
		month += 12;
	}
	return 365 * year + year / 4 - year / 100 + year / 400 +
	       (153 * (month - 3) + 2) / 5 + day - 719469;
}

int64_t clock_world_s(void)
{
	struct rtc_time time;
	long fd = call(__NR_open, (long)"/dev/rtc0", O_RDONLY, 0);
	int64_t day;
	long ret;

	if (fd < 0)
		return 0;
	ret = call(__NR_ioctl, fd, RTC_RD_TIME, (long)&time);
	call(__NR_close, fd, 0, 0);
	if (ret)
		return 0;
	day = days(time.tm_year + 1900, time.tm_mon + 1, time.tm_mday);
	return time.tm_sec +
	       60 * (time.tm_min + 60 * (time.tm_hour + 24 * day));
}

int64_t clock_own_s(void)
{
	struct __kernel_timespec now;

	call(__NR_clock_gettime, CLOCK_BOOTTIME, (long)&now, 0);
	return now.tv_sec;
}

void clock_rest(int64_t ns)
{
	struct __kernel_timespec time = {.tv_sec = ns / SECOND_NS,
					 .tv_nsec = ns % SECOND_NS};

	call(__NR_nanosleep, (long)&time, 0, 0);
}
