//go:build linux

package nodes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// database is three PostgreSQLs in a row: the second follows the first, which is the primary, and the third follows
// the second. When the primary is lost, the second is promoted and has its synchronous standby already.
type database struct {
	t       *testing.T
	servers []*testpostgres.Server // fixed; the index is that of their addresses
	row     []*testpostgres.Server // the primary first
	disks   map[*testpostgres.Server]string
}

func newDatabase(t *testing.T, n network) *database {
	d := &database{t: t, disks: map[*testpostgres.Server]string{}}
	settings := []string{"synchronous_standby_names=*", "max_connections=300", "max_wal_size=64MB", "min_wal_size=32MB",
		"wal_keep_size=48MB", "shared_buffers=16MB", "wal_receiver_status_interval=1", "wal_retrieve_retry_interval=100ms"}
	for k := range 3 {
		dir, isDisk := d.disk()
		old := os.Getenv("TMPDIR")
		os.Setenv("TMPDIR", dir) // where testpostgres makes its folders
		mine := append(append([]string{}, settings...), n.listen(k)...)
		var s *testpostgres.Server
		if k == 0 {
			s = testpostgres.New(mine...)
			hba := filepath.Join(s.Dir, "data/pg_hba.conf")
			text, err := os.ReadFile(hba)
			if err == nil {
				err = os.WriteFile(hba, append([]byte("host all all 100.64.0.0/10 trust\n"), text...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Exec(t, "SELECT pg_reload_conf()")
		} else {
			s = d.servers[k-1].Standby(mine...)
		}
		os.Setenv("TMPDIR", old)
		t.Cleanup(s.Remove)
		if isDisk {
			d.disks[s] = dir
		}
		d.servers = append(d.servers, s)
	}
	d.row = append(d.row, d.servers...)
	return d
}

// disk returns a folder that is a disk of its own, where the machine allows that.
func (d *database) disk() (dir string, isDisk bool) {
	dir, err := os.MkdirTemp("", "disk") // PostgreSQL runs as another user, and may not look into the folders of a test
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=300m,mode=0777"); err != nil {
		return os.TempDir(), false
	}
	d.t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, true
}

func (d *database) primary() *testpostgres.Server { return d.row[0] }

// dsn is the address for node i.
func (d *database) dsn(i int, n network) string {
	return "postgres:///postgres?" + n.hosts(i, d.servers) + "&user=owner&target_session_attrs=read-write&sslmode=disable"
}

// promote makes the second the primary, after the first was killed. It returns when it takes writes.
func (d *database) promote() {
	d.row[1].Promote(d.t)
	d.row = append(d.row[1:], d.row[0])
}

// complete lets the last of the row, which has ended, follow the one before it.
func (d *database) complete() { d.row[2].FollowAnew(d.row[1]) }

// ask returns one number.
func (d *database) ask(s *testpostgres.Server, sql string) (n int64) {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), s.DSN("owner"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(d.t.Context())
	if err := conn.QueryRow(d.t.Context(), sql).Scan(&n); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// connect returns a connection, or nil.
func (d *database) connect(s *testpostgres.Server) *pgx.Conn {
	ctx, cancel := context.WithTimeout(d.t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN("owner"))
	if err != nil {
		return nil
	}
	return conn
}

// await waits until a question is answered with something else than 0.
func (d *database) await(s *testpostgres.Server, sql string) {
	d.t.Helper()
	for began := time.Now(); d.ask(s, sql) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > deadlock {
			d.t.Fatalf("not in time: %s", sql)
		}
	}
}

// streams waits until the primary has a synchronous standby.
func (d *database) streams() {
	d.await(d.primary(), "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')")
}

// fill fills the disk of the primary, and empty makes room again and starts it if it has ended by that.
func (d *database) fill() {
	if dir := d.disks[d.primary()]; dir != "" {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			d.t.Fatal(err)
		}
		f, err := os.Create(dir + "/ballast")
		if err != nil {
			d.t.Fatal(err)
		}
		defer f.Close()
		if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*int64(st.Bsize)); err != nil && !errors.Is(err, unix.ENOSPC) { // somebody else may have taken the rest
			d.t.Error(err)
		}
		return
	}
	d.limit(1 << 13)
}

func (d *database) empty() {
	if dir := d.disks[d.primary()]; dir != "" {
		if err := os.Remove(dir + "/ballast"); err != nil {
			d.t.Fatal(err)
		}
	} else {
		d.limit(unix.RLIM_INFINITY)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if d.primary().Ended() {
			d.primary().Stop()
			d.primary().Start()
			return
		}
		if conn := d.connect(d.primary()); conn != nil {
			conn.Close(d.t.Context())
			return
		}
		if time.Since(began) > deadlock {
			d.t.Fatal("the primary does not come back from a full disk")
		}
	}
}

// limit bounds the size of files of the primary, for its processes and those that it starts.
func (d *database) limit(size uint64) {
	pid := d.primary().Pid()
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	for _, field := range append([]string{strconv.Itoa(pid)}, strings.Fields(string(out))...) {
		if p, err := strconv.Atoi(field); err == nil {
			_ = unix.Prlimit(p, syscall.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil) // it may have ended
		}
	}
}

func (d *database) diskKind() string {
	if len(d.disks) > 0 {
		return "full disk: a tmpfs of 300 MB for each PostgreSQL is filled"
	}
	return "no mounts here: in place of a full disk the files of PostgreSQL may not grow"
}

// replays waits until a standby has what was shown of a room. Not for all that it has received: of the last record it may have a part only.
func (d *database) replays(s *testpostgres.Server, room string, seq int64) {
	d.t.Helper()
	d.await(s, fmt.Sprintf("SELECT (coalesce(max(seq), 0) >= %d)::int FROM %s.entry WHERE room = convert_to('%s', 'UTF8')", seq, schema, room))
}

// beats waits until each node has said twice that it is alive. Until then, one that hears from the database again may still
// say goodbye to its clients.
func (d *database) beats(nodes int) {
	d.t.Helper()
	for range 2 {
		now := d.ask(d.primary(), "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
		d.await(d.primary(), fmt.Sprintf("SELECT (count(*) = %d)::int FROM %s.node WHERE extract(epoch FROM beat) * 1000000 > %d", nodes, schema, now))
	}
}
