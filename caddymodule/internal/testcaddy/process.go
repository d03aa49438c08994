package testcaddy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// serveVariable is an environment variable with the name of a Caddyfile. With it the
// test binary is a Caddy that serves this Caddyfile.
const serveVariable = "CHAT_TEST_CADDYFILE"

// commandVariable is an environment variable that makes it the command caddy.
const commandVariable = "CHAT_TEST_COMMAND"

// Main runs the tests of a package. A package that uses Process, Command or Receiver must call
// it from its TestMain, because they run the test binary again. m is a *testing.M, or what has more to
// do around it.
func Main(m interface{ Run() int }) {
	if file := os.Getenv(serveVariable); file != "" {
		serveCaddyfile(file)
	}
	if os.Getenv(commandVariable) != "" {
		caddycmd.Main()
		return
	}
	if to := os.Getenv(receiverVariable); to != "" {
		fmt.Fprintln(os.Stderr, receive(to))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveCaddyfile serves until it is killed.
func serveCaddyfile(file string) {
	caddy.TrapSignals() // in a goroutine, which must run before a test sends a signal
	text, err := os.ReadFile(file)
	if err == nil {
		var config []byte
		if config, _, err = caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": file}); err == nil {
			err = caddy.Load(config, true)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// Command runs `caddy chat` with these arguments for a running Caddy, and returns what
// it prints. The JWTSecret is in $CHAT_SECRET.
func Command(t *testing.T, admin string, args ...string) (string, error) {
	t.Helper()
	out, err := CommandContext(t.Context(), admin, args...).CombinedOutput()
	return string(out), err
}

// CommandContext returns the command that Command runs.
func CommandContext(ctx context.Context, admin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"chat", "--address", admin}, args...)...)
	cmd.Env = Environ(commandVariable+"=1", "CHAT_SECRET="+JWTSecret)
	return cmd
}

// Environ returns the environment of a process that runs the test binary again, with variables. A
// program with the race detector sleeps for a second when it ends, so that a race in another of its threads can still
// be told; what a test starts for a moment, and hundreds of times, does not.
func Environ(variables ...string) []string {
	return append(append(os.Environ(), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0"), variables...)
}

// Validate runs `caddy validate` for a site with these directives, and returns what it
// prints.
func Validate(t *testing.T, directives string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf("{\nadmin off\nstorage file_system %s\n}\nhttp://localhost {\n%s\n}\n", dir, directives)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "validate", "--config", file)
	cmd.Env = Environ(commandVariable + "=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Process is a Caddy in a process of its own, on one address. Its journal stays when
// it is killed and started again.
type Process struct {
	Addr string
	Log  bytes.Buffer // of the current run
	Cmd  *exec.Cmd    // nil while it does not run

	t    *testing.T
	file string
}

// NewProcess returns a Caddy with directives, which is not started yet.
func NewProcess(t *testing.T, directives string) *Process {
	t.Helper()
	dir := t.TempDir()
	p := &Process{t: t, Addr: FreeAddr(t), file: filepath.Join(dir, "Caddyfile")}
	config := fmt.Sprintf("{\nadmin off\npersist_config off\nstorage file_system %s\n}\nhttp://%s {\n%s\n}\n", dir, p.Addr, directives)
	if err := os.WriteFile(p.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.Cmd != nil {
			p.Kill()
		}
	})
	return p
}

// Start returns once the server accepts connections.
func (p *Process) Start() {
	p.t.Helper()
	p.Log.Reset()
	p.Cmd = exec.Command(os.Args[0])
	p.Cmd.Env = Environ(serveVariable+"="+p.file, "XDG_DATA_HOME="+filepath.Dir(p.file))
	p.Cmd.Stdout, p.Cmd.Stderr = &p.Log, &p.Log
	if err := p.Cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		c, err := net.Dial("tcp", p.Addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) || p.Cmd.Process.Signal(syscall.Signal(0)) != nil {
			p.Kill()
			p.t.Fatalf("no server: %v\n%s", err, p.Log.String())
		}
	}
}

// Kill ends the server with SIGKILL.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.Cmd.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	_ = p.Cmd.Wait() // its error says that the process was killed
	p.Cmd = nil
}

// Get reads JSON from the server as the user ann.
func (p *Process) Get(path string, to any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", "http://"+p.Addr+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header = As("ann")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(to); err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
}
