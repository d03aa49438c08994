package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddychat/caddy-chat/bench/load"
	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/chat"
)

const benchHelp = `
Puts load on a WebSocket server and prints the results. Every message is checked at
every receiver. The load generator speaks the raw dialect, or that of other servers,
so that they can be compared. {room} in the URL is replaced with the name of a room.

With --pid, the process of a server on this machine, it also measures the CPU time
and the memory of that process.

The limits of a public site stop the load, as they should. If the admin endpoint of the
server can be reached, the results say so. Use a server of your own with these options
in its chat directive:

	max_connections_per_ip 50000
	limits {
		session_rate  100000 100000
		session_bytes 1GiB 1GiB
		connect_rate  100000 100000
		new_rooms     100000 100000
	}

The scenarios:

`

func addBench(root *cobra.Command, in *invocation) {
	var t load.Target
	var opts load.Options
	var about strings.Builder
	for _, s := range load.Scenarios() {
		fmt.Fprintf(&about, "  %-10s %s\n", s.Name, s.About)
	}
	var scenarios *[]string
	var dialect *string
	cmd := in.add(root, "bench <url>", "Puts load on a server and measures it", func(cmd *cobra.Command, args []string) (err error) {
		t.URL = args[0]
		if err := onlyAboveZero(cmd, "warmup", "measure", "patience", "settle", "connections", "parallel"); err != nil {
			return err
		}
		if slices.Contains(*scenarios, "idle") && len(t.PIDs) == 0 {
			return errors.New("the scenario idle measures the memory of a server: name its process with --pid")
		}
		if t.Dialect, err = load.DialectNamed(*dialect); err != nil {
			return err
		}
		results, err := in.bench(cmd.Context(), t, *scenarios, opts)
		if len(results) == 0 {
			return err
		}
		return errors.Join(err, in.printResults(results))
	})
	cmd.Long = benchHelp + about.String()
	cmd.Example = "  caddy chat bench 'ws://localhost/chat?room={room}' --scenario A1,B"
	f := cmd.Flags()
	scenarios = f.StringSlice("scenario", []string{"A1"}, "Which scenarios to run")
	dialect = f.String("dialect", "raw", "The dialect of the server: raw, lines, socket.io or centrifuge")
	f.StringVar(&t.Name, "name", "server", "The name of the server in the results")
	f.StringVar(&t.FileURL, "file", "", "The URL of a small file on the server, for the scenario gets")
	f.BoolVar(&t.Echo, "echo", false, "The server sends a message to its sender, too")
	f.IntSliceVar(&t.PIDs, "pid", nil, "The process ids of the server, to measure them")
	f.DurationVar(&opts.Warmup, "warmup", 0, "How long to run before measuring (default 1s)")
	f.DurationVar(&opts.Measure, "measure", 0, "How long to measure (default 5s)")
	f.DurationVar(&opts.Patience, "patience", 0, "Give up on missing messages when nothing has arrived for this long (default 15s)")
	f.DurationVar(&opts.Settle, "settle", 0, "Wait at most this long until the memory of the server is stable (default 1m)")
	f.IntVar(&opts.Connections, "connections", 0, "The number of connections, for idle (default 10000) and storm (default 19000)")
	f.IntVar(&opts.Parallel, "parallel", 0, "How many connections to open at a time (default 64)")
}

// bench runs the scenarios in order. If one fails, it returns the results so far.
func (in *invocation) bench(ctx context.Context, t load.Target, names []string, opts load.Options) (results []load.Result, err error) {
	// This applies to the whole process. That process runs `caddy chat bench` only and
	// exits afterwards: the server that is measured is always another one. The generator
	// has a small heap, and frequent collections would delay its messages.
	debug.SetGCPercent(400)
	if ctx == nil { // Caddy may run a command without one
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	for _, name := range names {
		s, err := load.ScenarioNamed(name)
		if err != nil {
			return results, err
		}
		var result load.Result
		before := in.refusals()
		err = in.withProgress(fmt.Sprintf("%s: %s", s.Name, s.About), func() error {
			result, err = load.Run(ctx, t, s, opts)
			return err
		})
		limits := limitsMet(before, in.refusals())
		if err != nil {
			return results, errors.Join(err, asError(limits))
		}
		result.Notes = append(result.Notes, limits...)
		results = append(results, result)
	}
	return results, nil
}

// refusals returns how often the server's hubs have refused something or held it back,
// by reason. It is nil if the admin endpoint does not say.
func (in *invocation) refusals() map[string]uint64 {
	var list admin.HubList
	if err := in.get("/chat/hubs", &list); err != nil {
		return nil
	}
	sum := map[string]uint64{}
	for _, h := range list.Hubs {
		for reason, n := range h.Refusals {
			sum[reason] += n
		}
	}
	return sum
}

// limitOptions are the options of the chat directive behind a refusal, by its name in
// metrics.
var limitOptions = map[chat.Refusal]string{
	chat.RefusedFull:       "max_connections",
	chat.RefusedFullByAddr: "max_connections_per_ip",
	chat.RefusedAttempts:   "limits { connect_rate }",
	chat.RefusedGreeting:   "limits { greeting }",
	chat.RefusedRooms:      "limits { open_rooms }, or max_members of a policy",
	chat.RefusedRate:       "limits { session_rate, session_bytes, user_rate, user_bytes, new_rooms }",
}

// limitsMet says which limits of the server have bounded a measurement, given its refusals
// before and after.
func limitsMet(before, after map[string]uint64) (notes []string) {
	if before == nil || after == nil {
		return []string{"it is not known whether the server's limits bound these figures: there is no admin endpoint that says so (--address)"}
	}
	for r, option := range limitOptions {
		if n := after[r.String()] - before[r.String()]; n > 0 {
			notes = append(notes, fmt.Sprintf("the server's limits bound these figures: it refused or held back %d times because of %s; see --help for how to lift that", n, option))
		}
	}
	slices.Sort(notes)
	return notes
}

func asError(notes []string) error {
	if notes == nil {
		return nil
	}
	return errors.New(strings.Join(notes, "\n"))
}

func (in *invocation) printResults(results []load.Result) error {
	if !in.json {
		err := load.WriteTable(in.out, results)
		for _, r := range results {
			for _, note := range r.Notes {
				in.note("%s: %s", r.Scenario, note)
			}
		}
		return err
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(in.out, string(text))
	return err
}
