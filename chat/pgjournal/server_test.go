//go:build unix

package pgjournal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/pgjournal"
)

// server is a PostgreSQL of these tests alone, on a socket in a directory of its own.
type server struct{ dir string }

var postgres server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "pg")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		postgres = server{dir}
		if id := servant(); id != nil {
			os.Chown(dir, int(id.Uid), int(id.Gid))
		}
		postgres.must("initdb", "-D", dir+"/data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
		postgres.start()
		defer postgres.must("pg_ctl", "-D", dir+"/data", "-m", "immediate", "stop")
		return m.Run()
	}())
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

func (s server) must(name string, args ...string) {
	path, err := exec.LookPath(name)
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		if len(found) == 0 {
			panic("no " + name + ": make postgres")
		}
		path = found[len(found)-1]
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: servant()}
	out, err := os.Create(filepath.Join(s.dir, "out"))
	if err != nil {
		panic(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out // a pipe would be held open by the server
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		panic(fmt.Sprintf("%s: %v\n%s", name, err, text))
	}
}

func (s server) start() {
	s.must("pg_ctl", "-D", s.dir+"/data", "-w", "-t", "120", "-l", s.dir+"/log", "-o", "-k "+s.dir+" -c listen_addresses= ", "start")
}

func (s server) dsn(role string) string {
	return fmt.Sprintf("postgres:///postgres?host=%s&user=%s&password=hushhush", s.dir, role)
}

func (s server) exec(t *testing.T, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn("owner"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

var schemas atomic.Int32

// schema makes a new one.
func schema(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("chat_%d", schemas.Add(1))
	if err := pgjournal.Migrate(t.Context(), postgres.dsn("owner"), name, ""); err != nil {
		t.Fatal(err)
	}
	// Fewer parts need fewer connections; two are enough to go wrong.
	postgres.exec(t, fmt.Sprintf("UPDATE %s.store SET parts = 2; DELETE FROM %s.part WHERE id > 1", name, name))
	return name
}

func open(t *testing.T, schema string) *pgjournal.Store {
	t.Helper()
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: postgres.dsn("owner"), Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v, want one with %q", err, words)
	}
	if err != nil && strings.Contains(err.Error(), "hushhush") {
		t.Errorf("the password is in the error %q", err)
	}
}
