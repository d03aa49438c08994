//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/caddychat/caddy-chat/bench/load"
)

// The servers of this project.
const (
	ours         = "caddy-chat"
	oursTLS      = "caddy-chat-tls"
	oursDisk     = "caddy-chat-disk"
	oursPostgres = "caddy-chat-postgres"
)

// server is a server to measure.
type server struct {
	name, about string
	needs       []string // names in builders
	// url and file contain PLAIN or TLS in place of a port.
	url, file string
	dialect   string
	echo      bool
	commands  func(*benchmark) []command
	// skip are scenarios that it cannot run.
	skip []string
	// idle is how many connections it can hold in the scenario idle. 0: as many as
	// the scenario opens.
	idle int
}

// command is one process of a server.
type command struct {
	path string
	args []string
	env  []string
	port int // it listens here when it is ready
	tls  bool
}

func servers() []server {
	return []server{
		{
			name: ours, about: "caddy-chat, ws", needs: []string{"caddy"},
			url: "ws://localhost:PLAIN/chat?room={room}", file: "http://localhost:PLAIN/hello.txt",
			commands: func(b *benchmark) []command {
				return []command{b.caddy("Caddyfile", b.ports.plain, false, "BENCH_JOURNAL=memory")}
			},
		},
		{
			name: oursTLS, about: "caddy-chat, wss", needs: []string{"caddy"},
			url: "wss://localhost:TLS/chat?room={room}", file: "https://localhost:TLS/hello.txt",
			commands: func(b *benchmark) []command {
				return []command{b.caddy("Caddyfile", b.ports.tls, true, "BENCH_JOURNAL=memory")}
			},
		},
		{
			name: oursDisk, about: "caddy-chat, ws, messages on disk first", needs: []string{"caddy"},
			url: "ws://localhost:PLAIN/chat?room={room}",
			commands: func(b *benchmark) []command {
				return []command{b.caddy("Caddyfile", b.ports.plain, false, "BENCH_JOURNAL=pebble")}
			},
		},
		{
			name: oursPostgres, about: "caddy-chat, ws, messages in the PostgreSQL at $BENCH_DSN first, which is not counted", needs: []string{"caddy"},
			url: "ws://localhost:PLAIN/chat?room={room}",
			commands: func(b *benchmark) []command {
				return []command{b.caddy("Caddyfile", b.ports.plain, false, "BENCH_JOURNAL=postgres {env.BENCH_DSN} {\ndurability primary\n}")}
			},
		},
		{
			name: "c", about: "C, epoll, one write a delivery", needs: []string{"c"},
			url:      "ws://127.0.0.1:PLAIN/?room={room}",
			commands: func(b *benchmark) []command { return []command{b.program("cserver")} },
		},
		{
			name: "c-corked", about: "C, epoll, writes corked", needs: []string{"c"},
			url:      "ws://127.0.0.1:PLAIN/?room={room}",
			commands: func(b *benchmark) []command { return []command{b.program("cserver", "-c")} },
		},
		goServer("gws", "gws (Go)", "raw", false),
		goServer("gorilla", "gorilla chat example (Go)", "lines", true),
		goServer("melody", "melody (Go)", "raw", false),
		goServer("coder", "coder/websocket (Go)", "raw", false),
		goServer("centrifuge", "Centrifuge (Go)", "centrifuge", true),
		{
			name: "ws", about: "ws (Node)", needs: []string{"node"},
			url:      "ws://127.0.0.1:PLAIN/?room={room}",
			commands: func(b *benchmark) []command { return []command{b.node("ws.js", b.ports.plain)} },
		},
		{
			name: "socket.io", about: "socket.io (Node), WebSocket only", needs: []string{"node"},
			url:      "ws://127.0.0.1:PLAIN/socket.io/?EIO=4&transport=websocket&room={room}",
			dialect:  "socket.io",
			commands: func(b *benchmark) []command { return []command{b.node("socketio.js", b.ports.plain)} },
		},
		{
			name: "proxy", about: "wss: Caddy reverse_proxy before ws (both counted)", needs: []string{"caddy", "node"},
			url: "wss://localhost:TLS/?room={room}",
			commands: func(b *benchmark) []command {
				return []command{b.node("ws.js", b.ports.backend), b.caddy("proxy.Caddyfile", b.ports.tls, true, "")}
			},
			// Caddy needs two descriptors for each connection, and may have
			// 20,000.
			skip: []string{"B", "rooms", "room10000", "crowded", "storm"}, idle: 5000,
		},
	}
}

func goServer(name, about, dialect string, echo bool) server {
	return server{
		name: name, about: about, needs: []string{"go"},
		url: "ws://127.0.0.1:PLAIN/?room={room}", dialect: dialect, echo: echo,
		commands: func(b *benchmark) []command { return []command{b.program("goservers", name)} },
	}
}

// canRun reports whether the server can run a scenario.
func (s *server) canRun(scenario string) bool {
	return !slices.Contains(s.skip, scenario) && (scenario != "gets" || s.file != "")
}

// program starts a program from builtPath. Its last argument is the port.
func (b *benchmark) program(name string, args ...string) command {
	port := b.ports.plain
	return command{path: b.builtPath(name), args: append(args, strconv.Itoa(port)), port: port}
}

func (b *benchmark) node(script string, port int) command {
	return command{
		path: "node", args: []string{filepath.Join(b.root, "bench/servers/node", script), strconv.Itoa(port)},
		port: port,
	}
}

// caddy starts Caddy with a config and one more environment variable.
func (b *benchmark) caddy(config string, port int, tls bool, variable string) command {
	return command{
		path: b.builtPath("caddy"),
		args: []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(b.root, "bench/caddy", config)},
		env: []string{
			fmt.Sprintf("BENCH_PORT=%d", b.ports.plain),
			fmt.Sprintf("BENCH_TLS_PORT=%d", b.ports.tls),
			fmt.Sprintf("BENCH_BACKEND_PORT=%d", b.ports.backend),
			"BENCH_SITE=" + filepath.Join(b.root, "bench/caddy/site"),
			variable,
			// It must not use the certificates and messages of another Caddy.
			"XDG_DATA_HOME=" + filepath.Join(b.temp, "data"),
			"XDG_CONFIG_HOME=" + filepath.Join(b.temp, "config"),
		},
		port: port, tls: tls,
	}
}

// chooseServers returns the servers of these names, or all if there are no names. The one
// that needs a PostgreSQL is not among all if there is none.
func chooseServers(names []string) ([]server, error) {
	all := servers()
	if os.Getenv("BENCH_DSN") == "" {
		all = slices.DeleteFunc(all, func(s server) bool { return s.name == oursPostgres })
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []server
	for _, name := range names {
		i := slices.IndexFunc(all, func(s server) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("server %q is unknown, or needs BENCH_DSN", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// defaultScenarios are those of the first table of a report, in its order.
var defaultScenarios = []string{"A1", "A10", "A80", "B", idle}

// idle runs only once: it takes a minute, and memory varies by a few percent.
const idle = "idle"

// chooseScenarios returns the scenarios of these names. "table" and "all" stand for
// several.
func chooseScenarios(names []string) ([]string, error) {
	var chosen []string
	for _, name := range names {
		switch name {
		case "table":
			chosen = append(chosen, defaultScenarios...)
		case "all":
			for _, s := range load.Scenarios() {
				chosen = append(chosen, s.Name)
			}
		default:
			if _, err := load.ScenarioNamed(name); err != nil {
				return nil, err
			}
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}
