/* SPDX-License-Identifier: MIT */
/*
 * The serial port as a driver sees it: registers behind the divisor latch,
 * output to a file, input in loop mode with FIFO depth and overrun.
 */
#include "storm.h"
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/device.h"
#include "devices/serial.h"

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

static void begin(struct serial *serial, const char *spec)
{
	const struct device_config config = {.serial = spec};

	assert_int_equal(serial_device.open(serial, NULL, &config, NULL), 0);
}

static void end(struct serial *serial)
{
	serial_device.close(serial);
}

static uint32_t get(struct serial *serial, uint16_t reg)
{
	return serial_device.in(serial, SERIAL_PORT_FIRST + reg, 1);
}

static void put(struct serial *serial, uint16_t reg, uint8_t value)
{
	serial_device.out(serial, SERIAL_PORT_FIRST + reg, 1, value);
}

static void test_divisor_latch(void **state)
{
	struct serial serial;

	begin(&serial, "null");
	put(&serial, IER, 0xff);
	put(&serial, LCR, 0x83);
	put(&serial, DATA, 0x34);
	put(&serial, IER, 0x12);
	assert_int_equal(get(&serial, DATA), 0x34);
	assert_int_equal(get(&serial, IER), 0x12);
	put(&serial, LCR, 0x03);
	assert_int_equal(get(&serial, IER), 0x0f);
	assert_int_equal(get(&serial, DATA), 0);
	put(&serial, SCR, 0x5a);
	assert_int_equal(get(&serial, SCR), 0x5a);
	assert_int_equal(get(&serial, MSR), 0xb0);
	end(&serial);
}

static void test_output_goes_to_the_file(void **state)
{
	char spec[64];
	char text[8] = "";
	struct serial serial;
	int fd = memfd_create("serial", MFD_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(spec, sizeof(spec), "file:/proc/self/fd/%d", fd);
	begin(&serial, spec);
	put(&serial, DATA, 'h');
	put(&serial, DATA, 'i');
	assert_int_equal(get(&serial, LSR) & 0x60, 0x60);
	end(&serial);
	assert_int_equal(read(fd, text, sizeof(text)), 2);
	assert_memory_equal(text, "hi", 2);
	close(fd);
}

static void test_fifo_and_overrun(void **state)
{
	struct serial serial;

	begin(&serial, "null");
	put(&serial, FCR, 0x01);
	put(&serial, MCR, 0x10);
	for (unsigned int i = 0; i < SERIAL_FIFO_BYTES; i++)
		put(&serial, DATA, (uint8_t)('a' + i));
	assert_int_equal(get(&serial, LSR) & 0x03, 0x01);
	put(&serial, DATA, 'z');
	assert_int_equal(get(&serial, LSR) & 0x03, 0x03);
	assert_int_equal(get(&serial, LSR) & 0x03, 0x01);
	for (unsigned int i = 0; i < SERIAL_FIFO_BYTES; i++)
		assert_int_equal(get(&serial, DATA), 'a' + i);
	assert_int_equal(get(&serial, LSR) & 0x01, 0);
	put(&serial, DATA, 'x');
	put(&serial, FCR, 0x03);
	assert_int_equal(get(&serial, LSR) & 0x01, 0);
	end(&serial);
}

static void test_loop_mode_modem_lines(void **state)
{
	struct serial serial;

	begin(&serial, "null");
	put(&serial, MCR, 0x1a);
	assert_int_equal(get(&serial, MSR) & 0xf0, 0x90);
	put(&serial, MCR, 0x15);
	assert_int_equal(get(&serial, MSR) & 0xf0, 0x60);
	end(&serial);
}

/* A pipe that is not read fills up; the port drops, and does not hang. */
static void test_no_reader_does_not_hang(void **state)
{
	struct serial serial;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	begin(&serial, "null");
	serial.out_fd = fds[1];
	for (unsigned int i = 0; i < 200000; i++)
		put(&serial, DATA, 'x');
	assert_true(serial.is_stuck);
	close(fds[0]);
	close(fds[1]);
	end(&serial);
}

static int full_pipe[2];

/* Make room when kicks have come in. */
static void read_after_kicks(unsigned long number)
{
	static char bytes[65536];

	if (number == 3)
		(void)!read(full_pipe[0], bytes, sizeof(bytes));
}

/* Return: is the byte in the pipe? */
static bool is_sent_among_kicks(void)
{
	struct serial serial;
	struct storm storm;
	char last = 0;

	assert_int_equal(pipe2(full_pipe, O_NONBLOCK), 0);
	while (write(full_pipe[1], "x", 1) == 1)
		;
	begin(&serial, "null");
	serial.out_fd = full_pipe[1];
	storm_begin(&storm, 2000, read_after_kicks);
	put(&serial, DATA, 'y');
	storm_end(&storm);
	while (read(full_pipe[0], &last, 1) == 1)
		;
	close(full_pipe[0]);
	close(full_pipe[1]);
	end(&serial);
	return last == 'y';
}

/*
 * The reader is slow, and kicks come in while the port waits for it. It does
 * not wait for ever, so on a machine that stands still it is tried again.
 */
static void test_kicks_lose_no_output(void **state)
{
	int ntries = 1;

	while (!is_sent_among_kicks())
		assert_true(++ntries <= 10);
}

TEST_MAIN(test_divisor_latch, test_output_goes_to_the_file,
	  test_fifo_and_overrun, test_loop_mode_modem_lines,
	  test_no_reader_does_not_hang, test_kicks_lose_no_output)
