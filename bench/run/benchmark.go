//go:build linux

package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// benchmark is one run of the command.
type benchmark struct {
	root, temp                string // of the repository; for builds, logs and data
	ports                     ports
	serverCore, generatorCore int
	measureFor, settle        time.Duration
	lock                      string
	connections               int
}

// ports are where the servers listen, one at a time.
type ports struct{ plain, tls, backend int }

// fill replaces PLAIN and TLS in a URL by the ports.
func (p ports) fill(url string) string {
	return strings.NewReplacer("PLAIN", strconv.Itoa(p.plain), "TLS", strconv.Itoa(p.tls)).Replace(url)
}

// builtPath is where a program is built.
func (b *benchmark) builtPath(name string) string { return filepath.Join(b.temp, name) }
