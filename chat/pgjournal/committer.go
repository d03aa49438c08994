package pgjournal

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// committer has the connection of one part, or that of the records.
type committer struct {
	address *address
	// Of the goroutine that commits.
	conn   *pgx.Conn
	mode   pgx.QueryExecMode
	newest map[string]int64 // of some rooms, a number that was given

	mu     sync.Mutex
	socket net.Conn // of conn
	closed bool
}

// wanted marks the context of a dial that connect asks for.
type wanted struct{}

func newCommitter(a *address) *committer {
	return &committer{address: a, newest: map[string]int64{}}
}

var errNoCancel = errors.New("a commit is not cancelled")

func (c *committer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if ctx.Value(wanted{}) == nil {
		return nil, errNoCancel
	}
	if c.ended() { // the next server of the address is not tried
		return nil, journal.ErrClosed
	}
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return nil, journal.ErrClosed
	}
	c.socket = conn
	return conn, nil
}

func (c *committer) connect() error {
	if c.conn != nil && !c.conn.IsClosed() {
		return nil
	}
	// Each server of the address has dialTime for itself: the first may be a machine that is gone, which refuses nothing. One
	// more is for looking up their names, and for what is asked then.
	// pgx cancels what runs on a connection that breaks, by a connection of its own: so each dial is refused that
	// connect has not asked for.
	config := c.address.with(c.dial, pgx.QueryExecModeExec)
	servers := 1 + len(config.Fallbacks)
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), wanted{}, true), time.Duration(servers+1)*dialTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	own, err := backend(ctx, conn)
	if err != nil {
		conn.Close(ctx)
		return err
	}
	c.conn, c.mode = conn, pgx.QueryExecModeCacheStatement
	if own != conn.PgConn().PID() { // behind PgBouncer, a prepared statement may be gone
		c.mode = pgx.QueryExecModeExec
	}
	return nil
}

// query runs one statement, which is one transaction.
func (c *committer) query(sql string, args ...any) (pgx.Rows, error) {
	if err := c.connect(); err != nil {
		return nil, refusal(err)
	}
	rows, err := c.conn.Query(context.Background(), sql, append([]any{c.mode}, args...)...)
	if err != nil {
		return nil, commitError(err)
	}
	return rows, nil
}

func (c *committer) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// close closes the socket alone: pgx may be in use by the goroutine that commits.
func (c *committer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.socket != nil {
		c.socket.Close()
	}
}
