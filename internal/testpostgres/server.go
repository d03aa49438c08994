//go:build unix

package testpostgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is in every DSN, so that tests can look for it. Only the role `locked` needs one.
const Password = "hushhush"

// Server is a PostgreSQL.
type Server struct {
	Dir string

	settings []string // -c name=value, of the next Start
	cmd      *exec.Cmd
	watch    *exec.Cmd // ends the server if this process dies
	alive    io.WriteCloser
	ended    chan struct{} // closed when cmd has ended
}

// New makes a server and starts it. Like all methods it panics if that fails: it is used in TestMain.
func New(settings ...string) *Server {
	dir, err := os.MkdirTemp("", "pg")
	must(err)
	s := &Server{Dir: dir, settings: settings}
	s.own(dir)
	s.Run("initdb", "-D", dir+"/data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
	hba := filepath.Join(dir, "data", "pg_hba.conf")
	text, err := os.ReadFile(hba)
	must(err)
	must(os.WriteFile(hba, append([]byte("local all locked scram-sha-256\n"), text...), 0o600))
	s.Start()
	return s
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// servant is whom PostgreSQL runs as when the tests run as root, which it refuses.
func servant() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	panic("no user postgres and no user nobody to run PostgreSQL as")
}

func (s *Server) own(path string) {
	if id := servant(); id != nil {
		must(os.Chown(path, int(id.Uid), int(id.Gid)))
	}
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(name)
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		if sbin, err := exec.LookPath("/usr/sbin/" + name); err == nil { // where PgBouncer is
			found = []string{sbin}
		}
		if len(found) == 0 {
			panic("no " + name + ": make postgres pgbouncer")
		}
		path = found[len(found)-1]
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: servant(), Setpgid: true}
	return cmd
}

// Run runs a program of PostgreSQL.
func (s *Server) Run(name string, args ...string) {
	if out, err := s.command(name, args...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%s: %v\n%s", name, err, out))
	}
}

// Start starts the server with more settings and waits until it answers.
func (s *Server) Start(settings ...string) {
	for begun := time.Now(); !s.start(settings); {
		if time.Since(begun) > 2*time.Minute {
			log, _ := os.ReadFile(s.Dir + "/log")
			panic("PostgreSQL does not start\n" + string(log[max(0, len(log)-4000):]))
		}
	}
}

// start reports whether the server answers. After a kill its processes may still end: then it does not start.
func (s *Server) start(settings []string) bool {
	log, err := os.OpenFile(s.Dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(err)
	defer log.Close()
	args := []string{"-D", s.Dir + "/data", "-k", s.Dir, "-c", "listen_addresses="}
	for _, setting := range append(append([]string{}, s.settings...), settings...) {
		args = append(args, "-c", setting)
	}
	s.cmd = s.command("postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	must(s.cmd.Start())
	ended := make(chan struct{})
	s.ended = ended
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}(s.cmd)
	s.watch = s.command("sh", "-c", `read alive && exit; kill -QUIT $0 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 $0 2>/dev/null || break; sleep 0.2; done; rm -rf "$1"`,
		strconv.Itoa(s.cmd.Process.Pid), s.Dir)
	s.alive, err = s.watch.StdinPipe()
	must(err)
	must(s.watch.Start())
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, s.DSN("owner"))
		if err == nil {
			conn.Close(ctx)
		}
		cancel()
		select {
		case <-s.ended:
			s.unwatch()
			return false
		default:
		}
		if err == nil {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *Server) unwatch() {
	_, _ = s.alive.Write([]byte("\n")) // it may have ended
	_ = s.alive.Close()
	_ = s.watch.Wait()
}

// Stop ends the server at once, as after a crash of its own.
func (s *Server) Stop() { s.end(syscall.SIGQUIT) }

// Kill kills the server. Its processes notice that, and end.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal os.Signal) {
	_ = s.cmd.Process.Signal(signal) // else it has ended
	<-s.ended
	s.unwatch()
}

// Crash kills one process of the server. Then PostgreSQL ends all others but the first and starts them anew.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	const started = "SELECT pid FROM pg_stat_activity WHERE backend_type = '%s'"
	old, victim := s.pid(fmt.Sprintf(started, "checkpointer")), s.pid(fmt.Sprintf(started, "background writer"))
	if old == 0 || victim == 0 {
		t.Fatal("PostgreSQL does not name its processes")
	}
	must(syscall.Kill(victim, syscall.SIGKILL))
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if now := s.pid(fmt.Sprintf(started, "checkpointer")); now != 0 && now != old {
			return
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatal("PostgreSQL does not come back from a crash of one process")
		}
	}
}

// pid returns the process that a statement names, or 0.
func (s *Server) pid(sql string) (pid int) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN("owner"))
	if err != nil {
		return 0
	}
	defer conn.Close(ctx)
	_ = conn.QueryRow(ctx, sql).Scan(&pid) // 0: the server is ending or starting
	return pid
}

// Remove stops the server and removes its files.
func (s *Server) Remove() {
	s.Stop()
	must(os.RemoveAll(s.Dir))
}

// Pid is the process of the server.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Freeze stops all processes of the server: it accepts connections and answers nothing. Thaw lets them go on.
func (s *Server) Freeze() { s.signalAll(syscall.SIGSTOP) }

// Thaw ends what Freeze has begun.
func (s *Server) Thaw() { s.signalAll(syscall.SIGCONT) }

func (s *Server) signalAll(signal syscall.Signal) {
	// The first process starts the others: it is stopped first, and goes on last.
	if signal == syscall.SIGSTOP {
		must(s.cmd.Process.Signal(signal))
	}
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(s.Pid())).Output()
	var none *exec.ExitError
	if err != nil && !errors.As(err, &none) {
		panic(err)
	}
	for _, field := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil {
			_ = syscall.Kill(pid, signal) // it may have ended
		}
	}
	if signal != syscall.SIGSTOP {
		must(s.cmd.Process.Signal(signal))
	}
}

// DSN is the address of the server for a role.
func (s *Server) DSN(role string) string { return s.Database(role, "postgres") }

// Database is the address of a database.
func (s *Server) Database(role, name string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s&password=%s", name, s.Dir, role, Password)
}

// Ended reports whether the server has ended by itself, as it does if its disk stays full.
func (s *Server) Ended() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// FollowAnew throws away what this server has, which must have ended, and lets it follow another one.
func (s *Server) FollowAnew(other *Server) {
	must(os.RemoveAll(s.Dir + "/data"))
	s.Run("pg_basebackup", "-D", s.Dir+"/data", "-h", other.Dir, "-U", "owner", "-R", "-X", "stream", "-c", "fast")
	s.Start()
}

// Exec runs statements as the owner.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	s.ExecIn(t, "postgres", sql)
}

// ExecIn runs statements in a database.
func (s *Server) ExecIn(t testing.TB, name, sql string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), s.Database("owner", name))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Standby makes and starts a server that follows this one. It takes no writes.
func (s *Server) Standby(settings ...string) *Server {
	return s.StandbyBy([]string{"-D", "DATA", "-h", "HOST", "-U", "owner", "-R", "-X", "stream", "-c", "fast"}, settings...)
}

// StandbyBy is Standby with the arguments of pg_basebackup. DATA is the new server's data, HOST is this server.
func (s *Server) StandbyBy(args []string, settings ...string) *Server {
	dir, err := os.MkdirTemp("", "pg")
	must(err)
	other := &Server{Dir: dir, settings: settings}
	other.own(dir)
	places := strings.NewReplacer("DATA", dir+"/data", "HOST", s.Dir)
	for i, arg := range args {
		args[i] = places.Replace(arg)
	}
	other.Run("pg_basebackup", args...)
	other.Start()
	return other
}

// Copy makes a base backup of this server, which it does not start.
func (s *Server) Copy(settings ...string) *Server {
	dir, err := os.MkdirTemp("", "pg")
	must(err)
	other := &Server{Dir: dir, settings: settings}
	other.own(dir)
	other.Run("pg_basebackup", "-D", dir+"/data", "-h", s.Dir, "-U", "owner", "-X", "stream", "-c", "fast")
	return other
}

// Promote lets a standby take writes, and waits until it does.
func (s *Server) Promote(t testing.TB) { s.Exec(t, "SELECT pg_promote()") }

// Either is the address of that one of two servers that takes writes.
func Either(role string, a, b *Server) string {
	return fmt.Sprintf("postgres:///postgres?host=%s,%s&user=%s&password=%s&target_session_attrs=read-write", a.Dir, b.Dir, role, Password)
}

// Set sets a parameter of the whole server, or resets it if value is "", and waits until new connections have it.
func (s *Server) Set(t testing.TB, name, value string) {
	t.Helper()
	change, want := "ALTER SYSTEM SET "+name+" = '"+value+"'", value
	if value == "" {
		change = "ALTER SYSTEM RESET " + name
	}
	s.Exec(t, change)
	s.Exec(t, "SELECT pg_reload_conf()")
	for {
		conn, err := pgx.Connect(context.Background(), s.DSN("owner"))
		if err != nil {
			t.Fatal(err)
		}
		var now, boot string
		err = conn.QueryRow(context.Background(), "SELECT setting, boot_val FROM pg_settings WHERE name = $1", name).Scan(&now, &boot)
		conn.Close(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if now == want || value == "" && now == boot {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
