//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddychat/caddy-chat/bench/load"
)

// server is one that is measured.
type server struct {
	name, about string
	needs       []string // what must be built, of builders
	// url and file have PLAIN and TLS for the ports.
	url, file string
	dialect   string
	echo      bool
	commands  func(*bench) []command
	// skip are scenarios that it cannot play.
	skip []string
	// idle is how many connections it can hold for that scenario; 0 is as many
	// as the scenario wants.
	idle int
}

// command is one process of a server.
type command struct {
	path string
	args []string
	env  []string
	port int // where it listens once it is ready
	tls  bool
}

func servers() []server {
	return []server{
		{
			name: ours, about: "caddy-chat, ws", needs: []string{"caddy"},
			url: "ws://localhost:PLAIN/chat?room={room}", file: "http://localhost:PLAIN/hello.txt",
			commands: func(b *bench) []command {
				return []command{b.caddy("Caddyfile", b.ports.plain, false, "BENCH_JOURNAL=memory")}
			},
		},
		{
			name: oursTLS, about: "caddy-chat, wss", needs: []string{"caddy"},
			url: "wss://localhost:TLS/chat?room={room}", file: "https://localhost:TLS/hello.txt",
			commands: func(b *bench) []command {
				return []command{b.caddy("Caddyfile", b.ports.tls, true, "BENCH_JOURNAL=memory")}
			},
		},
		{
			name: oursDisk, about: "caddy-chat, ws, messages on disk first", needs: []string{"caddy"},
			url: "ws://localhost:PLAIN/chat?room={room}",
			commands: func(b *bench) []command {
				return []command{b.caddy("Caddyfile", b.ports.plain, false, "BENCH_JOURNAL=pebble")}
			},
		},
		{
			name: "c", about: "C, epoll, one write a delivery", needs: []string{"c"},
			url:      "ws://127.0.0.1:PLAIN/?room={room}",
			commands: func(b *bench) []command { return []command{b.program("cserver")} },
		},
		{
			name: "c-corked", about: "C, epoll, writes corked", needs: []string{"c"},
			url:      "ws://127.0.0.1:PLAIN/?room={room}",
			commands: func(b *bench) []command { return []command{b.program("cserver", "-c")} },
		},
		goServer("gws", "gws (Go)", "raw", false),
		goServer("gorilla", "gorilla chat example (Go)", "lines", true),
		goServer("melody", "melody (Go)", "raw", false),
		goServer("coder", "coder/websocket (Go)", "raw", false),
		goServer("centrifuge", "Centrifuge (Go)", "centrifuge", true),
		{
			name: "ws", about: "ws (Node)", needs: []string{"node"},
			url:      "ws://127.0.0.1:PLAIN/?room={room}",
			commands: func(b *bench) []command { return []command{b.node("ws.js", b.ports.plain)} },
		},
		{
			name: "socket.io", about: "socket.io (Node), WebSocket only", needs: []string{"node"},
			url:      "ws://127.0.0.1:PLAIN/socket.io/?EIO=4&transport=websocket&room={room}",
			dialect:  "socket.io",
			commands: func(b *bench) []command { return []command{b.node("socketio.js", b.ports.plain)} },
		},
		{
			name: "proxy", about: "wss: Caddy reverse_proxy before ws (both counted)", needs: []string{"caddy", "node"},
			url: "wss://localhost:TLS/?room={room}",
			commands: func(b *bench) []command {
				return []command{b.node("ws.js", b.ports.backend), b.caddy("proxy.Caddyfile", b.ports.tls, true, "")}
			},
			// It takes two descriptors a connection, and a process may have
			// 20,000.
			skip: []string{"B", "rooms", "room10000", "crowded", "storm"}, idle: 5000,
		},
	}
}

func goServer(name, about, dialect string, echo bool) server {
	return server{
		name: name, about: about, needs: []string{"go"},
		url: "ws://127.0.0.1:PLAIN/?room={room}", dialect: dialect, echo: echo,
		commands: func(b *bench) []command { return []command{b.program("goservers", name)} },
	}
}

// plays reports whether a server can play a scenario.
func (s *server) plays(scenario string) bool {
	return !slices.Contains(s.skip, scenario) && (scenario != "gets" || s.file != "")
}

// program is a built server that takes its port as last argument.
func (b *bench) program(name string, args ...string) command {
	port := b.ports.plain
	return command{path: b.built(name), args: append(args, strconv.Itoa(port)), port: port}
}

func (b *bench) node(script string, port int) command {
	return command{
		path: "node", args: []string{filepath.Join(b.root, "bench/servers/node", script), strconv.Itoa(port)},
		port: port,
	}
}

// caddy runs a config, with one more variable in its environment.
func (b *bench) caddy(config string, port int, tls bool, variable string) command {
	return command{
		path: b.built("caddy"),
		args: []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(b.root, "bench/caddy", config)},
		env: []string{
			fmt.Sprintf("BENCH_PORT=%d", b.ports.plain),
			fmt.Sprintf("BENCH_TLS_PORT=%d", b.ports.tls),
			fmt.Sprintf("BENCH_BACKEND_PORT=%d", b.ports.backend),
			"BENCH_SITE=" + filepath.Join(b.root, "bench/caddy/site"),
			variable,
			// Its certificates and messages must not meet those of a Caddy in use.
			"XDG_DATA_HOME=" + filepath.Join(b.temp, "data"),
			"XDG_CONFIG_HOME=" + filepath.Join(b.temp, "config"),
		},
		port: port, tls: tls,
	}
}

// fill puts the ports into a URL.
func (p ports) fill(url string) string {
	return strings.NewReplacer("PLAIN", strconv.Itoa(p.plain), "TLS", strconv.Itoa(p.tls)).Replace(url)
}

// choose returns those of the servers that are named; all of them if none is.
func choose(names []string) ([]server, error) {
	all := servers()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []server
	for _, name := range names {
		i := slices.IndexFunc(all, func(s server) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("server %q is unknown", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// table are the scenarios of the table that a run prints, in its order.
var table = []string{"A1", "A10", "A80", "B", idle}

// idle is played once: it takes a minute, and memory varies by a few percent.
const idle = "idle"

// chooseScenarios returns the scenarios named; "table" and "all" stand for many.
func chooseScenarios(names []string) ([]string, error) {
	var chosen []string
	for _, name := range names {
		switch name {
		case "table":
			chosen = append(chosen, table...)
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
