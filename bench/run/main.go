//go:build linux

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

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var b benchmark
	serverNames := flag.String("servers", "", "servers to measure, separated by commas (default all):\n"+serverHelp())
	scenarioNames := flag.String("scenarios", "table", "scenarios to run, separated by commas; all is all of them, table is "+strings.Join(defaultScenarios, ","))
	repeat := flag.Int("repeat", 3, "run each scenario except idle this many times, and show medians")
	out := flag.String("out", "", "directory for the results (default bench/results)")
	port := flag.Int("port", 9100, "first of three ports for the servers")
	flag.IntVar(&b.serverCore, "server-core", 0, "processor core for the server")
	flag.IntVar(&b.generatorCore, "generator-core", 1, "processor core for the generator")
	flag.DurationVar(&b.measureFor, "measure", 5*time.Second, "how long to measure")
	flag.DurationVar(&b.settle, "settle", time.Minute, "how long to wait at most until memory is stable")
	flag.StringVar(&b.lock, "lock", "", "lock this file during each measurement, so that several runs on one machine do not overlap")
	flag.IntVar(&b.connections, "connections", 0, "connections in idle and storm (default: as the scenario says)")
	show := flag.String("show", "", "only print this JSON file of results as Markdown")
	draw := flag.String("chart", "", "only print a chart of A10 from this JSON file of results, as SVG")
	flag.Parse()

	if *show != "" {
		return showResults(*show)
	}
	if *draw != "" {
		return drawResults(*draw)
	}
	chosen, err := chooseServers(split(*serverNames))
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
	err = b.runAll(ctx, &report, chosen, *repeat, *out)
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

func drawResults(path string) error {
	r, err := readReport(path)
	if err != nil {
		return err
	}
	svg, err := r.chart("A10")
	if err != nil {
		return err
	}
	fmt.Print(svg)
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func serverHelp() string {
	var b strings.Builder
	for _, s := range servers() {
		fmt.Fprintf(&b, "%-15s %s\n", s.name, s.about)
	}
	return b.String()
}
