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

// confirmed is which server holds nothing that its standby lacks.
//
// PostgreSQL shows a commit when the standby has it. But a server that has started again shows all that its own log
// holds, also what no standby ever got: a primary that comes back beside the promoted standby would show messages that
// are nowhere else. So who first connects to a server since its start writes something, and waits until the standby
// has that: then it has all that came before. Behind a pooler in transaction mode nobody knows which server answers.
type confirmed struct {
	mu     sync.Mutex
	server string // guarded by mu
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
	if _, err := conn.Exec(ctx, "SELECT pg_logical_emit_message(true, 'caddychat', 'confirm')").ReadAll(); err != nil {
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
