//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// running is a server that has been started.
type running struct {
	processes []*process
}

type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed when it has ended
}

// start starts a server's processes on the server's core, one after the other, and
// waits until each listens.
func (b *benchmark) start(ctx context.Context, s *server) (*running, error) {
	r := &running{}
	for i, c := range s.commands(b) {
		p, err := b.startProcess(c, filepath.Join(b.temp, fmt.Sprintf("%s-%d.log", s.name, i)))
		if err != nil {
			r.stop()
			return nil, err
		}
		r.processes = append(r.processes, p)
		if err := p.waitUntilListening(ctx, c); err != nil {
			r.stop()
			return nil, err
		}
	}
	return r, nil
}

func (b *benchmark) startProcess(c command, logPath string) (*process, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := append([]string{"-c", strconv.Itoa(b.serverCore), c.path}, c.args...)
	cmd := exec.Command("taskset", args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = log, log
	// In its own process group, so that Ctrl-C does not reach it. stop ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.path, err)
	}
	p := &process{cmd: cmd, log: logPath, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log says why it ended
		close(p.exited)
	}()
	return p, nil
}

// waitUntilListening waits until the process accepts connections, with TLS until
// it has a certificate.
func (p *process) waitUntilListening(ctx context.Context, c command) error {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port))
	deadline := time.After(30 * time.Second)
	for {
		if dial(addr, c.tls) == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended:\n%s", c.path, p.tail())
		case <-deadline:
			return fmt.Errorf("%s does not listen on %s:\n%s", c.path, addr, p.tail())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func dial(addr string, secure bool) error {
	d := &net.Dialer{Timeout: time.Second}
	if secure {
		conn, err := tls.DialWithDialer(d, "tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
		if err != nil {
			return err
		}
		return conn.Close()
	}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (p *process) tail() string {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(len(log)-2000, 0):])
}

func (r *running) pids() (pids []int) {
	for _, p := range r.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

// ended returns an error with the log of a process that has ended, if one has.
func (r *running) ended() error {
	for _, p := range r.processes {
		select {
		case <-p.exited:
			return errors.New("the server ended:\n" + p.tail())
		default:
		}
	}
	return nil
}

// stop ends the processes, the last first: with SIGTERM, and with SIGKILL if that
// has no effect within 5 s.
func (r *running) stop() {
	for i := len(r.processes) - 1; i >= 0; i-- {
		p := r.processes[i]
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-p.exited:
		case <-time.After(5 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.exited
		}
	}
}
