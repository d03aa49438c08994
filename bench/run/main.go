//go:build linux

// Command run measures broadcast servers side by side and writes what it finds
// to bench/results.
//
//	go run ./bench/run
//
// It builds what it needs, starts one server at a time on one core and the
// generator on another, and plays all servers in turn in each round, so that
// figures that are compared were taken within minutes of each other. bench/README.md
// tells more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// bench is one run of the command.
type bench struct {
	root, temp                string
	ports                     ports
	serverCore, generatorCore int
	measure, settle           time.Duration
	lock                      string
	connections               int
}

// ports are where the servers listen, one at a time.
type ports struct{ plain, tls, backend int }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var b bench
	serverNames := flag.String("servers", "", "which, separated by commas (default all):\n"+aboutServers())
	scenarioNames := flag.String("scenarios", "table", "which, separated by commas; table is "+strings.Join(table, ","))
	repeat := flag.Int("repeat", 3, "play everything but idle so often and show medians")
	out := flag.String("out", "", "folder for the results (default bench/results)")
	port := flag.Int("port", 9100, "the first of three ports for the servers")
	flag.IntVar(&b.serverCore, "server-core", 0, "core for the server")
	flag.IntVar(&b.generatorCore, "generator-core", 1, "core for the generator")
	flag.DurationVar(&b.measure, "measure", 5*time.Second, "measure so long")
	flag.DurationVar(&b.settle, "settle", time.Minute, "let memory come to rest for at most so long")
	flag.StringVar(&b.lock, "lock", "", "hold a lock on this file during each measurement, for others who measure here")
	flag.IntVar(&b.connections, "connections", 0, "for idle and storm (default theirs)")
	show := flag.String("show", "", "measure nothing and print these results, a file of JSON, as Markdown")
	flag.Parse()

	if *show != "" {
		return showResults(*show)
	}
	chosen, err := choose(split(*serverNames))
	if err != nil {
		return err
	}
	scenarios, err := chooseScenarios(split(*scenarioNames))
	if err != nil {
		return err
	}
	b.ports = ports{*port, *port + 1, *port + 2}
	if b.root, err = moduleRoot(); err != nil {
		return err
	}
	if b.temp, err = os.MkdirTemp("", "caddy-chat-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.temp)) }()
	if *out == "" {
		*out = filepath.Join(b.root, "bench", "results")
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.build(ctx, chosen); err != nil {
		return err
	}
	report := newReport(b.root, scenarios)
	err = b.play(ctx, &report, chosen, *repeat, *out)
	fmt.Print("\n", report.markdown())
	return err
}

func showResults(path string) error {
	r, err := readReport(path)
	if err != nil {
		return err
	}
	fmt.Print(r.markdown())
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func aboutServers() string {
	var b strings.Builder
	for _, s := range servers() {
		fmt.Fprintf(&b, "%-15s %s\n", s.name, s.about)
	}
	return b.String()
}
