//go:build linux

package nodes_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

const (
	nodesOfAll = 3
	schema     = "chat_default"

	// deadlock is how long anything may take that ends by itself: a machine that does much else is slow, but not so slow.
	deadlock = 2 * time.Minute
)

// node is one Caddy, in a process of its own.
type node struct {
	t           *testing.T
	i           int
	network     network
	addr, admin string
	file, log   string
	dsn         string    // with which it began
	cmd         *exec.Cmd // nil while it does not run
	ended       chan error
	lives       int // how often it was started
}

// life names what runs now. It is {$CHAT_TEST_LIFE} in the directives.
func (x *node) life() string { return fmt.Sprint(x.i, ".", x.lives) }

// newNode makes a node, which is not started yet.
func newNode(t *testing.T, n network, i int, storage, dsn, directives string) *node {
	t.Helper()
	x := &node{t: t, i: i, network: n}
	address := func() string {
		_, port, _ := net.SplitHostPort(testcaddy.FreeAddr(t))
		return net.JoinHostPort(n.host(i), port)
	}
	x.addr, x.admin = address(), address()
	dir := t.TempDir()
	x.file, x.log = filepath.Join(dir, "Caddyfile"), filepath.Join(dir, "log")
	x.dsn = dsn
	x.configure(storage, dsn, directives)
	t.Cleanup(func() {
		if x.cmd != nil {
			x.kill()
		}
		if t.Failed() {
			text, _ := os.ReadFile(x.log) // it may not have started
			t.Logf("the last lines of node %d:\n%s", i, text[max(0, len(text)-6000):])
		}
	})
	return x
}

// configure writes the Caddyfile, for the next start or reload.
func (x *node) configure(storage, dsn, directives string) {
	x.t.Helper()
	text := fmt.Sprintf(`{
	admin %s
	persist_config off
	storage file_system %s
}
http://%s {
	chat {
		journal postgres "%s" {
			durability standby
		}
		auth jwt {
			secret "%s"
		}
		max_connections_per_ip 1000
		%s
	}
}
`, x.admin, storage, x.addr, dsn, testcaddy.JWTSecret, directives)
	if err := os.WriteFile(x.file, []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// caddy is the command caddy in the network of the node.
func (x *node) caddy(args ...string) *exec.Cmd {
	program := os.Args[0]
	switch {
	case *from != "" && x.lives < 2:
		program = *from
	case *binary != "":
		program = *binary
	}
	line := x.network.command(x.i, append([]string{program}, args...))
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "CHAT_TEST_COMMAND=1", "CHAT_TEST_LIFE="+x.life(), "XDG_DATA_HOME="+filepath.Dir(x.file), "XDG_CONFIG_HOME="+filepath.Dir(x.file), "GORACE=halt_on_error=1 atexit_sleep_ms=0")
	return cmd
}

// start starts the process, and does not wait.
func (x *node) start() {
	x.t.Helper()
	log, err := os.OpenFile(x.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		x.t.Fatal(err)
	}
	defer log.Close()
	x.lives++
	x.cmd = x.caddy("run", "--config", x.file, "--adapter", "caddyfile")
	x.cmd.Stdout, x.cmd.Stderr = log, log
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := x.cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(x.cmd, x.ended)
}

// isReady reports whether the chat is open and records.
func (x *node) isReady() bool {
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + x.addr + "/chat/health")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// ready waits until the chat is open and records.
func (x *node) ready() {
	x.t.Helper()
	for began := time.Now(); !x.isReady(); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-x.ended:
			x.cmd = nil // there is nothing to kill any more
			x.t.Fatalf("node %d has ended: %v", x.i, err)
		default:
		}
		if time.Since(began) > deadlock {
			x.t.Fatalf("node %d is not ready", x.i)
		}
	}
}

func (x *node) signal(s os.Signal) {
	if err := x.cmd.Process.Signal(s); err != nil {
		x.t.Errorf("node %d: %v", x.i, err)
	}
}

// kill kills the process, also one that is stopped.
func (x *node) kill() {
	x.signal(syscall.SIGKILL)
	<-x.ended
	x.cmd = nil
}

// run runs a command of caddy for the node.
func (x *node) run(args ...string) {
	x.t.Helper()
	if out, err := x.caddy(args...).CombinedOutput(); err != nil {
		x.t.Errorf("caddy %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// reload loads the Caddyfile again.
func (x *node) reload() {
	x.t.Helper()
	x.run("reload", "--config", x.file, "--adapter", "caddyfile", "--address", x.admin, "--force")
}

// stop ends the process by `caddy stop`, or by SIGTERM.
func (x *node) stop(bySignal bool) {
	x.t.Helper()
	if bySignal {
		x.signal(syscall.SIGTERM)
	} else {
		x.run("stop", "--address", x.admin)
	}
	select {
	case err := <-x.ended:
		if err != nil {
			x.t.Errorf("node %d has ended by %v", x.i, err)
		}
	case <-time.After(deadlock):
		x.t.Fatalf("node %d does not stop", x.i)
	}
	x.cmd = nil
}
