package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/bench/load"
)

const benchHelp = `
Loads a WebSocket server and says what it found: every message is checked on
every receiver. It speaks the raw dialect, or that of other servers, so that they
can be compared. {room} in the URL becomes the room's name.

With --pid, the server's process on this machine, it tells what CPU time and
memory that took.

A public site's limits stop it, as they should. Try it on a server of your own
whose block of chat has

	max_connections_per_ip 50000
	limits {
		session_rate  100000 100000
		session_bytes 1GiB 1GiB
		connect_rate  100000 100000
	}

The scenarios:

`

func addBench(root *cobra.Command, o *operator) {
	var t load.Target
	var opts load.Options
	cmd := &cobra.Command{
		Use:          "bench <url>",
		Short:        "Loads a server and measures it",
		Example:      "  caddy chat bench 'ws://localhost/chat?room={room}' --scenario A1,B",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	var about strings.Builder
	for _, s := range load.Scenarios() {
		fmt.Fprintf(&about, "  %-10s %s\n", s.Name, s.About)
	}
	cmd.Long = benchHelp + about.String()
	f := cmd.Flags()
	scenarios := f.StringSlice("scenario", []string{"A1"}, "What to play")
	dialect := f.String("dialect", "raw", "raw, lines, socket.io or centrifuge")
	f.StringVar(&t.Name, "name", "server", "What to call the server")
	f.StringVar(&t.FileURL, "file", "", "The URL of a small file on it, for the scenario gets")
	f.BoolVar(&t.Echo, "echo", false, "It sends a message to its sender, too")
	f.IntSliceVar(&t.PIDs, "pid", nil, "Its processes")
	f.DurationVar(&opts.Warmup, "warmup", 0, "Play so long before measuring (default 1s)")
	f.DurationVar(&opts.Measure, "measure", 0, "Measure so long (default 5s)")
	f.DurationVar(&opts.Patience, "patience", 0, "Give a message up when nothing has come for so long (default 15s)")
	f.DurationVar(&opts.Settle, "settle", 0, "Let memory come to rest for at most so long (default 1m)")
	f.IntVar(&opts.Connections, "connections", 0, "How many, for idle (default 10000) and storm (default 19000)")
	f.IntVar(&opts.Parallel, "parallel", 0, "Open so many connections at a time (default 64)")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		t.URL = args[0]
		if t.Dialect, err = load.DialectNamed(*dialect); err != nil {
			return err
		}
		results, err := o.bench(cmd.Context(), t, *scenarios, opts)
		return errors.Join(err, o.show(results))
	}
	root.AddCommand(cmd)
}

// bench plays all scenarios and returns what it has when one fails.
func (o *operator) bench(ctx context.Context, t load.Target, names []string, opts load.Options) (results []load.Result, err error) {
	// The generator keeps little; collecting it often would only make it late.
	debug.SetGCPercent(400)
	if ctx == nil { // a command that Caddy runs may have none
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	for _, name := range names {
		s, err := load.ScenarioNamed(name)
		if err != nil {
			return results, err
		}
		err = o.waiting(fmt.Sprintf("%s: %s", s.Name, s.About), func() error {
			result, err := load.Run(ctx, t, s, opts)
			if err == nil {
				results = append(results, result)
			}
			return err
		})
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

func (o *operator) show(results []load.Result) error {
	if !o.json {
		return load.WriteTable(os.Stdout, results)
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(text))
	return err
}
