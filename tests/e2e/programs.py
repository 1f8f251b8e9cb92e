# SPDX-License-Identifier: MIT
"""Programs of others that compute something and say whether it is right.

Each has a load: a process that ends, with a figure of how fast it was. What is
to be measured from outside is the program's pid while the load runs.
"""
import glob
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys

from smudgetest import PATIENCE, Skip, check, check_equal, wait_until


def need_program(name):
    found = shutil.which(name) or next(
        iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
    if not found:
        raise Skip(f"{name} is not installed")
    return found


class Program:
    """A load that is a process of its own, and measured itself."""

    def __init__(self, lab, size=1):
        self.lab = lab
        self.size = size
        self.load = None
        lab.closers.append(self.end)

    def end(self):
        if self.load and self.load.poll() is None:
            self.load.kill()
            self.load.communicate()

    def run(self, *command, **kwargs):
        self.load = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)

    def processor_s(self):
        """Of the measured process, and of its children that were waited for.

        A load that has ended still has it, until finish.
        """
        if self.pid == self.load.pid:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def finish(self):
        """Wait for the load; its figure and its unit."""
        out, err = self.load.communicate(timeout=PATIENCE)
        check_equal(self.load.returncode, 0, f"{err}")
        return self.right(out)

    @property
    def pid(self):
        return self.load.pid


PYTHON_LOAD = """
import hashlib, signal, sys, threading, time
began = time.monotonic()
ticks = 0
def tick(*_):
    global ticks
    ticks += 1
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
digests = {}
def work(number):
    values = [number]
    for i in range(int(sys.argv[1])):
        values.append(hash((values[-1], i)) & 0xffffffff)
        if i % 1000 == 0:
            time.sleep(0.0001)
    digests[number] = hashlib.sha256(repr(values).encode()).hexdigest()
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
assert ticks
print(*(digests[n] for n in range(4)), time.monotonic() - began)
"""


class Python(Program):
    """Threads, timers' signals, sleeps, and lists that grow."""
    name = "python3"

    def start(self):
        self.run(sys.executable, "-c", PYTHON_LOAD, 200000 * self.size)

    def expected(self):
        for number in range(4):
            values = [number]
            for i in range(200000 * self.size):
                values.append(hash((values[-1], i)) & 0xffffffff)
            yield hashlib.sha256(repr(values).encode()).hexdigest()

    def right(self, out):
        *digests, seconds = out.split()
        check_equal(digests, list(self.expected()), "digests")
        return float(seconds), "s for its work"


JAVA_LOAD = """
import java.util.*;
public class Load {
    static long work(int number, int rounds) {
        long sum = number;
        for (int i = 0; i < rounds; i++) {
            List<Long> list = new ArrayList<>();
            for (int k = 0; k < 2000; k++)
                list.add(sum + k);
            for (long value : list)
                sum = sum * 31 + value;
        }
        return sum;
    }
    public static void main(String[] args) throws Exception {
        int rounds = Integer.parseInt(args[0]);
        long began = System.nanoTime();
        long[] sums = new long[4];
        Thread[] threads = new Thread[4];
        for (int t = 0; t < 4; t++) {
            int number = t;
            threads[t] = new Thread(() -> sums[number] = work(number, rounds));
            threads[t].start();
        }
        for (Thread thread : threads)
            thread.join();
        StringBuilder text = new StringBuilder();
        for (long sum : sums)
            text.append(sum).append(' ');
        System.out.println(text.toString() +
                           (System.nanoTime() - began) / 1e9);
    }
}
"""


class Java(Program):
    """A heap that is collected, safepoints by signals, many threads."""
    name = "OpenJDK"

    def __init__(self, lab, size=1):
        super().__init__(lab, size)
        compiler = need_program("javac")
        lab.path("Load.java").write_text(JAVA_LOAD)
        subprocess.run([compiler, "Load.java"], cwd=lab.folder, check=True)

    def start(self):
        self.run(need_program("java"), "-Xmx96m", "-cp", self.lab.folder,
                 "Load", 2000 * self.size)

    def expected(self):
        for number in range(4):
            sum_ = number
            for _ in range(2000 * self.size):
                first = sum_
                for k in range(2000):
                    sum_ = (sum_ * 31 + first + k) & 0xffffffffffffffff
            yield sum_ - (1 << 64) if sum_ >> 63 else sum_

    def right(self, out):
        *sums, seconds = out.split()
        if self.size == 1:
            check_equal([int(s) for s in sums], list(self.expected()), "sums")
        return float(seconds), "s for its work"


GO_LOAD = """
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Stacks that grow and move, and slices that are collected.
func deep(depth int, sum uint64) uint64 {
	var room [64]uint64
	for i := range room {
		room[i] = sum + uint64(i)
	}
	if depth > 0 {
		sum = deep(depth-1, sum)
	}
	for _, value := range room {
		sum = sum*31 + value
	}
	return sum
}

func work(number, rounds int) uint64 {
	if number%2 == 1 {
		runtime.LockOSThread() // a thread of its own
	}
	sum := uint64(number)
	for i := 0; i < rounds; i++ {
		result := make(chan uint64)
		go func(sum uint64) { result <- deep(60, sum) }(sum)
		sum = <-result
		values := make([]uint64, 0)
		for k := uint64(0); k < 2000; k++ {
			values = append(values, sum+k)
		}
		for _, value := range values { // no call: ended by a signal only
			sum = sum*31 + value
		}
		if i%50 == 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	return sum
}

func workers() (sums [8]uint64) {
	var all sync.WaitGroup
	for number := range sums {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			sums[number] = work(number, 100)
		}(number)
	}
	all.Wait()
	return
}

func main() {
	times, _ := strconv.Atoi(os.Args[1])
	began := time.Now()
	sums := workers()
	for i := 1; i < times; i++ {
		if workers() != sums {
			panic("other sums")
		}
	}
	for _, sum := range sums {
		fmt.Print(sum, " ")
	}
	fmt.Println(time.Since(began).Seconds())
}
"""


def go_deep(depth, sum_):
    first = sum_
    if depth:
        sum_ = go_deep(depth - 1, sum_)
    for i in range(64):
        sum_ = (sum_ * 31 + first + i) & 0xffffffffffffffff
    return sum_


class Go(Program):
    """No libc, stacks that move, preemption by signals, many threads."""
    name = "Go"

    def __init__(self, lab, size=1):
        super().__init__(lab, size)
        compiler = need_program("go")
        lab.path("load.go").write_text(GO_LOAD)
        subprocess.run(
            [compiler, "build", "load.go"], cwd=lab.folder, check=True,
            env={**os.environ, "GOCACHE": str(lab.path("cache")),
                 "GO111MODULE": "off", "CGO_ENABLED": "0"})

    def start(self):
        self.run(self.lab.path("load"), 20 * self.size)

    def expected(self):
        for number in range(8):
            sum_ = number
            for _ in range(100):
                sum_ = go_deep(60, sum_)
                first = sum_
                for k in range(2000):
                    sum_ = (sum_ * 31 + first + k) & 0xffffffffffffffff
            yield sum_

    def right(self, out):
        *sums, seconds = out.split()
        check_equal([int(s) for s in sums], list(self.expected()), "sums")
        return float(seconds), "s for its work"


class Redis(Program):
    """A server of one thread; its own benchmark is the load."""
    name = "redis-server"

    def __init__(self, lab, size=1):
        # the same program, without the package that starts a service
        server = shutil.which("redis-server") or need_program("redis-check-rdb")
        super().__init__(lab, size)
        self.benchmark = need_program("redis-benchmark")
        self.socket = lab.path("redis")
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--save", "", "--dir", lab.folder], executable=server,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        lab.closers.append(lambda: (self.server.kill(), self.server.wait()))
        wait_until(self.listens, "redis listens")
        self.values = {f"own:{i}": f"{i * i}".rjust(500) for i in range(2000)}
        for key, value in self.values.items():
            check_equal(self.ask("SET", key, value), b"+OK", "SET")

    @property
    def pid(self):
        return self.server.pid

    def listens(self):
        try:
            return self.ask("PING") == b"+PONG"
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def ask(self, *words):
        """One command, and the first line of its reply, or the bulk's."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(self.socket))
            sock.sendall(b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            with sock.makefile("rb") as file:
                line = file.readline().rstrip()
                return file.read(int(line[1:])) if line[:1] == b"$" else line

    def start(self):
        self.run(self.benchmark, "-s", self.socket, "-t", "set", "-r", "50000",
                 "-d", "200", "-n", 100000 * self.size, "--csv")

    def right(self, out):
        for key, value in self.values.items():
            check_equal(self.ask("GET", key), value.encode(), f"value of {key}")
        check(self.server.poll() is None, "redis ended")
        names, row = [re.findall(r'"([^"]*)"', line)
                      for line in out.splitlines()[-2:]]
        return float(dict(zip(names, row))["p99_latency_ms"]), "ms, p99"


class Postgres(Program):
    """A process per client, shared memory; pgbench's sums must agree."""
    name = "PostgreSQL"

    def __init__(self, lab, size=1):
        if os.getuid() != 0:
            raise Skip("PostgreSQL's files belong to another user than root")
        self.tools = {name: need_program(name)
                      for name in ("initdb", "postgres", "pgbench", "psql")}
        super().__init__(lab, size)
        self.folder = lab.path("postgres")
        self.folder.mkdir()
        shutil.chown(self.folder, "nobody", "nogroup")
        lab.folder.chmod(0o711)
        self.tool("initdb", "-D", self.folder / "data", "-U", "me", "-A",
                  "trust", "--no-sync")
        self.server = subprocess.Popen(
            [self.tools["postgres"], "-D", self.folder / "data", "-k",
             self.folder, "-c", "listen_addresses=", "-F"], user="nobody",
            group="nogroup", extra_groups=[], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lab.closers.append(self.stop)
        wait_until(lambda: self.ask("select 1") == "1", "PostgreSQL listens")
        self.tool("pgbench", "-h", self.folder, "-U", "me", "-i", "-q",
                  "postgres")

    def stop(self):
        self.server.terminate()
        self.server.wait()

    @property
    def pid(self):
        return self.server.pid

    def tool(self, name, *arguments):
        subprocess.run([self.tools[name], *map(str, arguments)], check=True,
                       user="nobody", group="nogroup", extra_groups=[],
                       cwd="/", stdin=subprocess.DEVNULL, capture_output=True)

    def ask(self, question):
        return subprocess.run(
            [self.tools["psql"], "-h", self.folder, "-U", "me", "-Atc",
             question, "postgres"], stdin=subprocess.DEVNULL, text=True,
            capture_output=True).stdout.strip()

    def start(self):
        self.run(self.tools["pgbench"], "-h", self.folder, "-U", "me", "-c", 4,
                 "-t", 500 * self.size, "-n", "postgres")

    def right(self, out):
        sums = self.ask("select (select sum(abalance) from pgbench_accounts), "
                        "(select sum(tbalance) from pgbench_tellers), "
                        "(select sum(bbalance) from pgbench_branches), "
                        "(select sum(delta) from pgbench_history)").split("|")
        check(len(sums) == 4 and len(set(sums)) == 1, f"sums {sums}")
        check(self.server.poll() is None, "PostgreSQL ended")
        return float(re.search(r"latency average = ([\d.]+) ms", out)[1]), \
            "ms per transaction, mean"


PROGRAMS = [Redis, Postgres, Python, Java, Go]
