//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what the figures depend on.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory string `json:"memory"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	// The load averages. Before a run, much above zero means that other programs
	// were running. A run itself makes two.
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

func thisMachine() machine {
	return machine{
		CPU:        fieldOf("/proc/cpuinfo", "model name"),
		Cores:      runtime.NumCPU(),
		Memory:     fieldOf("/proc/meminfo", "MemTotal"),
		Kernel:     kernel(),
		Go:         runtime.Version(),
		LoadBefore: loadAverage(),
	}
}

// fieldOf returns the value of the first line "name : value" of a file in
// /proc, or "unknown".
func fieldOf(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	release, _, _ := bytes.Cut(u.Release[:], []byte{0})
	version, _, _ := bytes.Cut(release, []byte("-")) // the rest names who built it
	return string(version)
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}

// commit returns the commit of the sources, or "none" outside a repository.
func commit(root string) string {
	hash, err := exec.Command("git", "-C", root, "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "none"
	}
	name := strings.TrimSpace(string(hash))
	if changes, err := exec.Command("git", "-C", root, "status", "--porcelain").Output(); err != nil || len(changes) > 0 {
		name += "-modified"
	}
	return name
}

// commandLine is the command that repeats the run. It leaves out the lock and the
// directories of absolute paths: they say something about this machine only.
func commandLine() string {
	quoted := []string{"go run ./bench/run"}
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(arg, "-lock=") {
			continue
		}
		if filepath.IsAbs(arg) {
			arg = fmt.Sprintf("…/%s", filepath.Base(arg))
		}
		quoted = append(quoted, arg)
	}
	return strings.Join(quoted, " ")
}
