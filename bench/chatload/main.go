//go:build linux

// Command chatload loads one WebSocket broadcast server on this machine and
// says what it found.
//
//	chatload -url 'ws://127.0.0.1:8080/chat?room={room}' -pid 4711 -scenario A1,B
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/caddychat/caddy-chat/bench/load"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "chatload:", err)
		os.Exit(1)
	}
}

func run() error {
	var t load.Target
	var opts load.Options
	flag.StringVar(&t.Name, "name", "server", "what to call the server")
	flag.StringVar(&t.URL, "url", "ws://127.0.0.1:8080/chat?room={room}", "where it is; {room} becomes the room's name")
	flag.StringVar(&t.FileURL, "file", "", "a small file on it, for the scenario gets")
	flag.BoolVar(&t.Echo, "echo", false, "it sends a message to its sender, too")
	dialect := flag.String("dialect", "raw", "raw, lines, socket.io or centrifuge")
	pids := flag.String("pid", "", "its processes, separated by commas")
	scenarios := flag.String("scenario", "A1", "what to play, separated by commas:\n"+about())
	asJSON := flag.Bool("json", false, "print JSON and not a table")
	flag.DurationVar(&opts.Warmup, "warmup", 0, "play so long before measuring (default 1s)")
	flag.DurationVar(&opts.Measure, "measure", 0, "measure so long (default 5s)")
	flag.DurationVar(&opts.Patience, "patience", 0, "give a message up when nothing has come for so long (default 15s)")
	flag.DurationVar(&opts.Settle, "settle", 0, "let memory come to rest for at most so long (default 1m)")
	flag.IntVar(&opts.Connections, "connections", 0, "how many, for idle (default 10000) and storm (default 19000)")
	flag.IntVar(&opts.Parallel, "parallel", 0, "open so many connections at a time (default 64)")
	flag.Parse()

	var err error
	if t.Dialect, err = load.DialectNamed(*dialect); err != nil {
		return err
	}
	if t.PIDs, err = parsePIDs(*pids); err != nil {
		return err
	}
	// The generator keeps little; collecting it often would only make it late.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := play(ctx, t, strings.Split(*scenarios, ","), opts)
	return errors.Join(err, show(results, *asJSON))
}

func about() string {
	var b strings.Builder
	for _, s := range load.Scenarios() {
		fmt.Fprintf(&b, "%-10s %s\n", s.Name, s.About)
	}
	return b.String()
}

func parsePIDs(list string) (pids []int, err error) {
	for _, field := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("process %q: %w", field, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// play plays all scenarios and returns what it has when one fails.
func play(ctx context.Context, t load.Target, names []string, opts load.Options) (results []load.Result, err error) {
	for _, name := range names {
		s, err := load.ScenarioNamed(name)
		if err != nil {
			return results, err
		}
		result, err := load.Run(ctx, t, s, opts)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

func show(results []load.Result, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(results)
	}
	return load.WriteTable(os.Stdout, results)
}
