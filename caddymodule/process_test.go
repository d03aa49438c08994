package caddymodule_test

import (
	"bytes"
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

// serveVariable names a Caddyfile: with it this test binary is a Caddy.
const serveVariable = "CHAT_TEST_CADDYFILE"

// commandVariable makes it the command caddy.
const commandVariable = "CHAT_TEST_COMMAND"

func TestMain(m *testing.M) {
	if file := os.Getenv(serveVariable); file != "" {
		serveCaddyfile(file)
	}
	if os.Getenv(commandVariable) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// serveCaddyfile serves until it is killed.
func serveCaddyfile(file string) {
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
	caddy.TrapSignals()
	select {}
}

// process is a Caddy in a process of its own, on one address, whose journal
// stays when it is killed and started again.
type process struct {
	t    *testing.T
	addr string
	file string
	log  bytes.Buffer // of the run under way
	cmd  *exec.Cmd
}

func newProcess(t *testing.T, directives string) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{t: t, addr: freeAddr(t), file: filepath.Join(dir, "Caddyfile")}
	config := fmt.Sprintf("{\nadmin off\npersist_config off\nstorage file_system %s\n}\nhttp://%s {\n%s\n}\n", dir, p.addr, directives)
	if err := os.WriteFile(p.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	return p
}

// start returns once the server takes connections.
func (p *process) start() {
	p.t.Helper()
	p.log.Reset()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serveVariable+"="+p.file, "XDG_DATA_HOME="+filepath.Dir(p.file))
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) || p.cmd.Process.Signal(syscall.Signal(0)) != nil {
			p.kill()
			p.t.Fatalf("no server: %v\n%s", err, p.log.String())
		}
	}
}

// kill ends the server without a chance to do anything about it.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	_ = p.cmd.Wait() // it says that the process was killed
	p.cmd = nil
}

// get reads JSON from the server as ann.
func (p *process) get(path string, to any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", "http://"+p.addr+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header = as("ann")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(to); err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
}
