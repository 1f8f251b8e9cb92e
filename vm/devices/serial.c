/* SPDX-License-Identifier: MIT */
/*
 * The serial port, on file descriptors.
 *
 * Output is written as it comes. When the other end does not read, the port
 * waits a little, once, and drops what follows, so that a vCPU never hangs in
 * a write. Output lost for another reason, such as a full disk, is reported
 * once on stderr. Input is fetched when the guest looks for it. The terminal
 * is put into character mode (Ctrl-C still works) and restored at the end.
 */
#include "devices/serial.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "base/say.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/wait.h"
#include "devices/device.h"

#define WHERE	       "serial"
#define STUCK_AFTER_MS 200

enum {
	REG_DATA,
	REG_IER,
	REG_IIR_FCR,
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR
};

#define LCR_DLAB	0x80
#define MCR_LOOP	0x10
#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_TX_EMPTY	0x60
#define IIR_NONE	0x01
#define IIR_FIFOS	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_KEPT	0xc9
#define MSR_DCD_DSR_CTS 0xb0
#define MCR_KNOWN	0x1f
#define IER_KNOWN	0x0f

static int open_stdio(struct serial *serial)
{
	struct termios tty;

	serial->in_fd = STDIN_FILENO;
	serial->out_fd = STDOUT_FILENO;
	/* changing a terminal from the background would stop the process */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp())
		return 0;
	serial->saved_tty = malloc(sizeof(*serial->saved_tty));
	if (!serial->saved_tty)
		return -ENOMEM;
	if (tcgetattr(STDIN_FILENO, serial->saved_tty) < 0)
		return 0;
	tty = *serial->saved_tty;
	tty.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tty.c_cc[VMIN] = 1;
	tty.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &tty) == 0)
		serial->has_saved_tty = true;
	return 0;
}

static int open_file(struct serial *serial, const char *path,
		     struct smudge_error *err)
{
	int fd = file_open_log(path);

	if (fd < 0)
		return smudge_error_set(err, fd, WHERE,
					"the serial port's file %.100s cannot "
					"be opened: %s",
					path, file_reason(fd));
	serial->out_fd = fd;
	serial->owns_out = true;
	return 0;
}

int serial_check(const char *spec, struct smudge_error *err)
{
	if (!strcmp(spec, "null") || !strcmp(spec, "stdio") ||
	    (!strncmp(spec, "file:", 5) && spec[5]))
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"--serial takes stdio, null or file:PATH, not "
				"'%.60s'",
				spec);
}

static int serial_open(void *self, const struct device_host *host,
		       const struct device_config *config,
		       struct smudge_error *err)
{
	struct serial *serial = self;
	const char *spec = config->serial;
	int ret = serial_check(spec, err);

	*serial = (struct serial){.in_fd = -1, .out_fd = -1};
	serial->regs.dll = 1;
	if (ret < 0 || !strcmp(spec, "null"))
		return ret;
	if (strcmp(spec, "stdio") != 0)
		return open_file(serial, spec + strlen("file:"), err);
	ret = open_stdio(serial);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "the serial port cannot be set up: %s",
				 strerror(-ret));
	return ret;
}

static void serial_close(void *self)
{
	struct serial *serial = self;

	if (serial->has_saved_tty)
		tcsetattr(STDIN_FILENO, TCSANOW, serial->saved_tty);
	free(serial->saved_tty);
	if (serial->owns_out)
		close(serial->out_fd);
}

static bool is_ready(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	return poll(&pollfd, 1, 0) == 1 && (pollfd.revents & events);
}

static void note_loss(struct serial *serial, int code)
{
	serial->is_stuck = true;
	if (code == EAGAIN || code == EINTR || serial->is_lossy)
		return;
	serial->is_lossy = true;
	say("the serial port's output is lost: %s", strerror(code));
}

/* A kick of the vCPU interrupts the calls, and makes no wait longer. */
static void transmit(struct serial *serial, uint8_t byte)
{
	int timeout_ms = serial->is_stuck ? 0 : STUCK_AFTER_MS;
	int64_t until_ns = clock_now_ns() + timeout_ms * CLOCK_NS_PER_MS;
	ssize_t n = -1;

	if (serial->out_fd < 0)
		return;
	do {
		serial->is_stuck = wait_ready(serial->out_fd, POLLOUT, -1,
					      timeout_ms) != 0;
		if (serial->is_stuck)
			return;
		n = write(serial->out_fd, &byte, 1);
	} while (n < 0 && errno == EINTR && clock_now_ns() < until_ns);
	if (n < 0)
		note_loss(serial, errno);
}

static void receive(struct serial *serial, uint8_t byte)
{
	struct serial_regs *regs = &serial->regs;
	unsigned int depth = (regs->fcr & FCR_ENABLE) ? SERIAL_FIFO_BYTES : 1;

	if (regs->fifo_len >= depth)
		regs->overrun = 1;
	else
		regs->fifo[regs->fifo_len++] = byte;
}

static void fetch_input(struct serial *serial)
{
	uint8_t byte;
	ssize_t n;

	if (serial->in_fd < 0 || serial->regs.fifo_len ||
	    (serial->regs.mcr & MCR_LOOP) ||
	    !is_ready(serial->in_fd, POLLIN | POLLHUP))
		return;
	n = read(serial->in_fd, &byte, 1);
	if (n == 1)
		receive(serial, byte);
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		serial->in_fd = -1;
}

static uint8_t read_data(struct serial *serial)
{
	struct serial_regs *regs = &serial->regs;
	uint8_t byte;

	fetch_input(serial);
	if (!regs->fifo_len)
		return 0;
	byte = regs->fifo[0];
	regs->fifo_len--;
	memmove(regs->fifo, regs->fifo + 1, regs->fifo_len);
	return byte;
}

static uint8_t read_lsr(struct serial *serial)
{
	uint8_t lsr = LSR_TX_EMPTY;

	fetch_input(serial);
	if (serial->regs.fifo_len)
		lsr |= LSR_DATA;
	if (serial->regs.overrun)
		lsr |= LSR_OVERRUN;
	serial->regs.overrun = 0;
	return lsr;
}

/* In loop mode the modem outputs come back as its inputs. */
static uint8_t read_msr(const struct serial_regs *regs)
{
	uint8_t mcr = regs->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_DCD_DSR_CTS;
	return (uint8_t)((mcr & 0x0c) << 4 | (mcr & 0x02) << 3 |
			 (mcr & 0x01) << 5);
}

static bool serial_has_port(const void *self, uint16_t port, unsigned int size)
{
	return port >= SERIAL_PORT_FIRST && port <= SERIAL_PORT_LAST &&
	       size == 1;
}

static uint32_t serial_in(void *self, uint16_t port, unsigned int size)
{
	struct serial *serial = self;
	struct serial_regs *regs = &serial->regs;
	bool latch = regs->lcr & LCR_DLAB;

	switch (port - SERIAL_PORT_FIRST) {
	case REG_DATA:
		return latch ? regs->dll : read_data(serial);
	case REG_IER:
		return latch ? regs->dlm : regs->ier;
	case REG_IIR_FCR:
		return (regs->fcr & FCR_ENABLE) ? IIR_NONE | IIR_FIFOS
						: IIR_NONE;
	case REG_LCR:
		return regs->lcr;
	case REG_MCR:
		return regs->mcr;
	case REG_LSR:
		return read_lsr(serial);
	case REG_MSR:
		return read_msr(regs);
	default:
		return regs->scr;
	}
}

static void write_data(struct serial *serial, uint8_t value)
{
	if (serial->regs.mcr & MCR_LOOP)
		receive(serial, value);
	else
		transmit(serial, value);
}

static void write_register(struct serial *serial, unsigned int offset,
			   uint8_t value)
{
	struct serial_regs *regs = &serial->regs;
	bool latch = regs->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		if (latch)
			regs->dll = value;
		else
			write_data(serial, value);
		break;
	case REG_IER:
		if (latch)
			regs->dlm = value;
		else
			regs->ier = value & IER_KNOWN;
		break;
	case REG_IIR_FCR:
		if ((value ^ regs->fcr) & FCR_ENABLE || value & FCR_CLEAR_RX)
			regs->fifo_len = 0;
		regs->fcr = value & FCR_KEPT;
		break;
	case REG_LCR:
		regs->lcr = value;
		break;
	case REG_MCR:
		regs->mcr = value & MCR_KNOWN;
		break;
	case REG_LSR:
	case REG_MSR:
		break; /* read only */
	default:
		regs->scr = value;
		break;
	}
}

static bool serial_out(void *self, uint16_t port, unsigned int size,
		       uint32_t value)
{
	write_register(self, port - SERIAL_PORT_FIRST, (uint8_t)value);
	return false;
}

static void serial_save(const void *self, struct vm_buf *buf)
{
	const struct serial *serial = self;
	const struct serial_regs *regs = &serial->regs;
	uint8_t fifo[SERIAL_FIFO_BYTES] = {0};

	memcpy(fifo, regs->fifo, regs->fifo_len);
	vm_buf_put8(buf, regs->ier);
	vm_buf_put8(buf, regs->fcr);
	vm_buf_put8(buf, regs->lcr);
	vm_buf_put8(buf, regs->mcr);
	vm_buf_put8(buf, regs->scr);
	vm_buf_put8(buf, regs->dll);
	vm_buf_put8(buf, regs->dlm);
	vm_buf_put8(buf, regs->overrun);
	vm_buf_put8(buf, regs->fifo_len);
	vm_buf_put(buf, fifo, sizeof(fifo));
}

static void serial_load(struct vm_reader *reader, void *ret_regs)
{
	struct serial_regs *regs = ret_regs;
	const uint8_t *fifo;

	regs->ier = vm_read8(reader);
	regs->fcr = vm_read8(reader);
	regs->lcr = vm_read8(reader);
	regs->mcr = vm_read8(reader);
	regs->scr = vm_read8(reader);
	regs->dll = vm_read8(reader);
	regs->dlm = vm_read8(reader);
	regs->overrun = vm_read8(reader);
	regs->fifo_len = vm_read8(reader);
	fifo = vm_read(reader, sizeof(regs->fifo));
	if (fifo)
		memcpy(regs->fifo, fifo, sizeof(regs->fifo));
}

static int serial_check_regs(const void *self, const void *loaded,
			     struct smudge_error *err)
{
	const struct serial_regs *regs = loaded;

	if (regs->fifo_len <= SERIAL_FIFO_BYTES && regs->overrun <= 1)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"the serial port's state claims %u bytes in a "
				"FIFO of %u",
				regs->fifo_len, SERIAL_FIFO_BYTES);
}

static void serial_apply(void *self, const void *loaded)
{
	const struct serial_regs *regs = loaded;
	struct serial *serial = self;

	serial->regs = *regs;
}

const struct device_ops serial_device = {
	.name = "serial",
	.version = 1,
	.size = sizeof(struct serial),
	.regs_size = sizeof(struct serial_regs),
	.open = serial_open,
	.close = serial_close,
	.has_port = serial_has_port,
	.in = serial_in,
	.out = serial_out,
	.save = serial_save,
	.load = serial_load,
	.check = serial_check_regs,
	.apply = serial_apply,
};
