//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddychat/caddy-chat/bench/load"
)

// runAll runs every scenario with every server in each round, and writes the report
// after each scenario. Each measurement has a new server process: memory that one
// scenario left allocated must not be in the figures of the next.
func (b *benchmark) runAll(ctx context.Context, report *report, chosen []server, rounds int, out string) error {
	for round := range rounds {
		for _, scenario := range report.Scenarios {
			if scenario == idle && round > 0 {
				continue
			}
			for i := range chosen {
				if err := b.runOne(ctx, report, &chosen[i], scenario, round); err != nil {
					return err
				}
			}
			if err := report.write(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// runOne adds a result or a server's failure to the report. After an error the
// benchmark cannot go on.
func (b *benchmark) runOne(ctx context.Context, report *report, s *server, scenario string, round int) error {
	if !s.canRun(scenario) {
		return nil
	}
	unlock, err := b.lockMachine()
	if err != nil {
		return err
	}
	defer unlock()
	result, err := b.measure(ctx, s, scenario)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		fmt.Fprintf(os.Stderr, "round %d: %s, %s: %v\n", round+1, s.name, scenario, err)
		report.fail(round, s.name, scenario, err)
	default:
		fmt.Fprintf(os.Stderr, "round %d: %v\n", round+1, &result)
		report.add(round, result)
	}
	return nil
}

// lockMachine waits for the lock, if there is one.
func (b *benchmark) lockMachine() (unlock func(), err error) {
	if b.lock == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(b.lock, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", b.lock, err)
	}
	return func() { f.Close() }, nil // which releases the lock
}

// measureTimeout is how long one measurement may take. The slowest are idle, and B
// with a server that does not keep up.
const measureTimeout = 85 * time.Second

// measure starts a server, runs one scenario with it, and stops it.
func (b *benchmark) measure(ctx context.Context, s *server, scenario string) (load.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	r, err := b.start(ctx, s)
	if err != nil {
		return load.Result{}, err
	}
	defer r.stop()
	result, err := b.generate(ctx, s, scenario, r.pids())
	if err != nil {
		err = errors.Join(err, r.ended())
	}
	return result, err
}

// generate runs the generator as a process on its own core.
func (b *benchmark) generate(ctx context.Context, s *server, scenario string, pids []int) (load.Result, error) {
	connections := b.connections
	if scenario == idle && s.idle > 0 && (connections == 0 || connections > s.idle) {
		connections = s.idle
	}
	var list []string
	for _, pid := range pids {
		list = append(list, strconv.Itoa(pid))
	}
	dialect := s.dialect
	if dialect == "" {
		dialect = "raw"
	}
	args := []string{
		"-c", strconv.Itoa(b.generatorCore), b.builtPath("caddy"),
		"chat", "bench", b.ports.fill(s.url), "--json", "--name", s.name, "--scenario", scenario, "--dialect", dialect,
		"--echo=" + strconv.FormatBool(s.echo), "--pid", strings.Join(list, ","),
		"--measure", b.measureFor.String(), "--settle", b.settle.String(),
	}
	if connections > 0 { // 0 is refused: it is how the scenario's own number is left alone
		args = append(args, "--connections", strconv.Itoa(connections))
	}
	if s.file != "" {
		args = append(args, "--file", b.ports.fill(s.file))
	}
	cmd := exec.CommandContext(ctx, "taskset", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return load.Result{}, fmt.Errorf("generator: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var results []load.Result
	if err := json.Unmarshal(out, &results); err != nil {
		return load.Result{}, fmt.Errorf("generator printed %.200q: %w", out, err)
	}
	if len(results) != 1 {
		return load.Result{}, fmt.Errorf("generator printed %d results", len(results))
	}
	return results[0], nil
}
