/* SPDX-License-Identifier: MIT */
/*
 * The serial port as a driver sees it: registers behind the divisor latch,
 * output to a file, input in loop mode with FIFO depth and overrun.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/devices.h"

enum {
	DATA,
	IER,
	FCR,
	LCR,
	MCR,
	LSR,
	MSR,
	SCR
};

static void test_divisor_latch(void **state)
{
	struct serial serial;

	assert_int_equal(serial_open(&serial, "null", NULL), 0);
	serial_out(&serial, IER, 0xff);
	serial_out(&serial, LCR, 0x83);
	serial_out(&serial, DATA, 0x34);
	serial_out(&serial, IER, 0x12);
	assert_int_equal(serial_in(&serial, DATA), 0x34);
	assert_int_equal(serial_in(&serial, IER), 0x12);
	serial_out(&serial, LCR, 0x03);
	assert_int_equal(serial_in(&serial, IER), 0x0f);
	assert_int_equal(serial_in(&serial, DATA), 0);
	serial_out(&serial, SCR, 0x5a);
	assert_int_equal(serial_in(&serial, SCR), 0x5a);
	assert_int_equal(serial_in(&serial, MSR), 0xb0);
	serial_close(&serial);
}

static void test_output_goes_to_the_file(void **state)
{
	char spec[64];
	char text[8] = "";
	struct serial serial;
	int fd = memfd_create("serial", MFD_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(spec, sizeof(spec), "file:/proc/self/fd/%d", fd);
	assert_int_equal(serial_open(&serial, spec, NULL), 0);
	serial_out(&serial, DATA, 'h');
	serial_out(&serial, DATA, 'i');
	assert_int_equal(serial_in(&serial, LSR) & 0x60, 0x60);
	serial_close(&serial);
	assert_int_equal(read(fd, text, sizeof(text)), 2);
	assert_memory_equal(text, "hi", 2);
	close(fd);
}

static void test_fifo_and_overrun(void **state)
{
	struct serial serial;
	unsigned int i;

	assert_int_equal(serial_open(&serial, "null", NULL), 0);
	serial_out(&serial, FCR, 0x01);
	serial_out(&serial, MCR, 0x10);
	for (i = 0; i < SERIAL_FIFO_BYTES; i++)
		serial_out(&serial, DATA, (uint8_t)('a' + i));
	assert_int_equal(serial_in(&serial, LSR) & 0x03, 0x01);
	serial_out(&serial, DATA, 'z');
	assert_int_equal(serial_in(&serial, LSR) & 0x03, 0x03);
	assert_int_equal(serial_in(&serial, LSR) & 0x03, 0x01);
	for (i = 0; i < SERIAL_FIFO_BYTES; i++)
		assert_int_equal(serial_in(&serial, DATA), 'a' + i);
	assert_int_equal(serial_in(&serial, LSR) & 0x01, 0);
	serial_out(&serial, DATA, 'x');
	serial_out(&serial, FCR, 0x03);
	assert_int_equal(serial_in(&serial, LSR) & 0x01, 0);
	serial_close(&serial);
}

static void test_loop_mode_modem_lines(void **state)
{
	struct serial serial;

	assert_int_equal(serial_open(&serial, "null", NULL), 0);
	serial_out(&serial, MCR, 0x1a);
	assert_int_equal(serial_in(&serial, MSR) & 0xf0, 0x90);
	serial_out(&serial, MCR, 0x15);
	assert_int_equal(serial_in(&serial, MSR) & 0xf0, 0x60);
	serial_close(&serial);
}

/* A pipe that nobody reads fills up; the port drops, and does not hang. */
static void test_no_reader_does_not_hang(void **state)
{
	struct serial serial;
	int fds[2];
	unsigned int i;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(serial_open(&serial, "null", NULL), 0);
	serial.out_fd = fds[1];
	for (i = 0; i < 200000; i++)
		serial_out(&serial, DATA, 'x');
	assert_true(serial.is_stuck);
	close(fds[0]);
	close(fds[1]);
	serial_close(&serial);
}

TEST_MAIN(test_divisor_latch, test_output_goes_to_the_file,
	  test_fifo_and_overrun, test_loop_mode_modem_lines,
	  test_no_reader_does_not_hang)
