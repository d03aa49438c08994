//go:build unix

package testpostgres

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler is a PgBouncer before a server.
type Pooler struct {
	dir   string
	cmd   *exec.Cmd
	alive io.WriteCloser // PgBouncer ends with it, also if this process dies
}

// Pooler starts one. Each mode is a database: session, transaction and statement; and bare, which is
// transaction without the line that docs/nodes.md has for jit.
func (s *Server) Pooler() *Pooler {
	dir, err := os.MkdirTemp("", "pgbouncer")
	must(err)
	s.own(dir)
	p := &Pooler{dir: dir}
	users, ini := filepath.Join(dir, "users"), filepath.Join(dir, "ini")
	must(os.WriteFile(users, []byte("\"owner\" \"\"\n"), 0o644))
	must(os.WriteFile(ini, fmt.Appendf(nil, `[databases]
session = host=%[1]s dbname=postgres pool_mode=session
transaction = host=%[1]s dbname=postgres pool_mode=transaction connect_query='SET jit = off'
bare = host=%[1]s dbname=postgres pool_mode=transaction
statement = host=%[1]s dbname=postgres pool_mode=statement
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = %[2]s
auth_type = trust
auth_file = %[3]s
server_login_retry = 0.5
default_pool_size = 40
max_client_conn = 500
`, s.Dir, dir, users), 0o644))
	program := s.command("pgbouncer")
	p.cmd = s.command("sh", "-c", `"$0" -q "$1" & read alive; kill $!; wait`, program.Path, ini)
	log, err := os.Create(filepath.Join(dir, "log"))
	must(err)
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.alive, err = p.cmd.StdinPipe()
	must(err)
	must(p.cmd.Start())
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), p.DSN("owner", "session"))
		if err == nil {
			conn.Close(context.Background())
			return p
		}
		if time.Since(began) > 2*time.Minute {
			text, _ := os.ReadFile(log.Name())
			panic(fmt.Sprintf("PgBouncer does not start: %v\n%s", err, text))
		}
	}
}

// DSN is the address of the server for a role, through the pooler.
func (p *Pooler) DSN(role, mode string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s&password=%s", mode, p.dir, role, Password)
}

// Remove ends it, and all connections through it.
func (p *Pooler) Remove() {
	_ = p.alive.Close()
	_ = p.cmd.Wait() // it is killed
	must(os.RemoveAll(p.dir))
}
