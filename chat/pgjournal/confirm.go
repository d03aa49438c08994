package pgjournal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// PostgreSQL shows a commit when the standby has it, with two exceptions. A server that has started shows all that its
// own log holds, also what no standby ever got: a primary that comes back beside the promoted standby would show
// messages that are nowhere else. And a commit that waits for the standby is given up, and can be read, if somebody ends
// its connection, or if the first process of the server dies: then the others live on for a moment. So a node reads
// nothing from a server that has started before the standby has all that it holds; and where a read finds more than the
// standby is known to have, it is done again in a transaction that waits for the standby. What is left: behind a
// pooler in transaction mode nobody knows which server answers.

// wait writes something. Its commit ends when the standby has it, and so all that came before.
const wait = "SELECT pg_logical_emit_message(true, 'caddychat', 'confirm')"

// confirmed is what a node knows to be on the standby.
type confirmed struct {
	mu     sync.Mutex     // guards the rest
	server string         // all that this one holds since its start
	epoch  string         // of rows
	rows   map[int]uint64 // by part, up to which row of the feed; of changes, up to which revision
}

// changes is the part in which records change.
const changes = -1

// found is how far a read came, by part. Only with a new epoch do numbers go back.
type found struct {
	epoch string // or empty: that of before
	rows  map[int]uint64
}

func (f *found) row(part int, row uint64) {
	if f.rows == nil {
		f.rows = map[int]uint64{}
	}
	f.rows[part] = max(f.rows[part], row)
}

// has reports whether all that was found is on the standby.
func (c *confirmed) has(f found) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.epoch != "" && f.epoch != c.epoch {
		return false
	}
	for part, row := range f.rows {
		if row > c.rows[part] {
			return false
		}
	}
	return true
}

// now is the epoch that is known, for note.
func (c *confirmed) now() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// note notes that all that was found is on the standby. It was found in an epoch, or has its own; if another one has begun
// meanwhile, its numbers mean nothing.
func (c *confirmed) note(epoch string, f found) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case f.epoch != "" && f.epoch != c.epoch:
		c.epoch, c.rows = f.epoch, map[int]uint64{}
	case f.epoch == "" && epoch != c.epoch || c.rows == nil:
		return
	}
	for part, row := range f.rows {
		c.rows[part] = max(c.rows[part], row)
	}
}

// confirmTime bounds the wait for the standby. It is less than dialTime, so that the next server of the address has its turn.
const confirmTime = 2 * time.Second

var errUnconfirmed = errors.New("no synchronous standby has confirmed that it has all that the server shows since its start")

// after returns what is checked of a new connection: first that which its address demands, if anything. A server that is
// refused gives way to the next one of the address.
func (c *confirmed) after(demanded pgconn.ValidateConnectFunc) pgconn.ValidateConnectFunc {
	return func(ctx context.Context, conn *pgconn.PgConn) error {
		if demanded != nil {
			if err := demanded(ctx, conn); err != nil {
				return err
			}
		}
		return c.confirm(ctx, conn)
	}
}

func (c *confirmed) confirm(ctx context.Context, conn *pgconn.PgConn) error {
	server, streaming, err := running(ctx, conn)
	switch {
	case err != nil:
		return err
	case server != "" && server == c.known():
		return nil
	case !streaming: // it would wait for ever
		return errUnconfirmed
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	if _, err := conn.Exec(ctx, wait).ReadAll(); err != nil {
		return fmt.Errorf("%w (%w)", errUnconfirmed, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = server
	return nil
}

func (c *confirmed) known() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// running names a server since its start, and says whether it has a synchronous standby. After a crash of one process
// only, the first process of PostgreSQL stays, but the checkpointer is a new one.
func running(ctx context.Context, conn *pgconn.PgConn) (server string, streaming bool, err error) {
	results, err := conn.Exec(ctx, `SELECT (SELECT a.pid || ' ' || extract(epoch FROM a.backend_start) FROM pg_stat_get_activity(NULL) a WHERE a.backend_type = 'checkpointer'),
		EXISTS (SELECT FROM pg_stat_get_wal_senders() w WHERE w.state = 'streaming' AND w.sync_state IN ('sync', 'quorum'))`).ReadAll()
	if err != nil {
		return "", false, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 2 {
		return "", false, errors.New("PostgreSQL does not say when it started")
	}
	row := results[0].Rows[0]
	streaming, err = strconv.ParseBool(string(row[1]))
	return string(row[0]), streaming, err
}
