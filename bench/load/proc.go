//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// processes are the server's process IDs. They are measured together.
type processes []int

// tick is the unit of the times in /proc/PID/stat. On Linux user space always
// sees 1/100 s, whatever unit the kernel uses.
const tick = 10 * time.Millisecond

// cpu returns the CPU time that the processes have used, in user and kernel.
func (p processes) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("CPU time of the server: %w", err)
		}
		used, err := parseStat(stat)
		if err != nil {
			return 0, fmt.Errorf("CPU time of the server: /proc/%d/stat: %w", pid, err)
		}
		sum += used
	}
	return sum, nil
}

// parseStat adds utime and stime, fields 14 and 15. The second field is the
// command's name in brackets, which may hold spaces and brackets itself.
func parseStat(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("too few fields")
	}
	utime, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	stime, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, err
	}
	return time.Duration(utime+stime) * tick, nil
}

// rss returns the resident memory of the processes in KiB.
func (p processes) rss() (float64, error) {
	var sum float64
	for _, pid := range p {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, fmt.Errorf("memory of the server: %w", err)
		}
		kib, err := parseStatus(status)
		if err != nil {
			return 0, fmt.Errorf("memory of the server: /proc/%d/status: %w", pid, err)
		}
		sum += kib
	}
	return sum, nil
}

func parseStatus(status []byte) (float64, error) {
	_, rest, ok := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, errors.New("no VmRSS")
	}
	return strconv.ParseFloat(string(fields[0]), 64)
}

// descriptors returns how many files and sockets the processes have open.
func (p processes) descriptors() (int, error) {
	sum := 0
	for _, pid := range p {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			return 0, fmt.Errorf("descriptors of the server: %w", err)
		}
		sum += len(entries)
	}
	return sum, nil
}

// ownCPU returns the CPU time that the generator itself has used.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0 // cannot fail with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
