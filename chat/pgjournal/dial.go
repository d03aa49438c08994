package pgjournal

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// UsualParts is how many parts a schema has if nothing else is said.
const UsualParts = 8

// readers is how many connections a node reads with at most.
const readers = 16

// address is how servers are reached. It may change while connections are open: those that are made from then on
// use it, so that a password can be replaced.
type address struct {
	config atomic.Pointer[pgx.ConnConfig]
}

// read reads an address. safe, if not nil, is what a server must have shown before it is read.
func (a *address) read(dsn string, safe *confirmed) error {
	config, err := parse(dsn)
	if err != nil {
		return err
	}
	if safe != nil {
		config.ValidateConnect = safe.after(config.ValidateConnect)
	}
	a.config.Store(config)
	return nil
}

// with returns a configuration for one connection.
func (a *address) with(dial pgconn.DialFunc, mode pgx.QueryExecMode) *pgx.ConnConfig {
	config := a.config.Load().Copy()
	config.DialFunc, config.DefaultQueryExecMode = dial, mode
	return config
}

// isSame reports whether a DSN says how to get in as the address does.
func (a *address) isSame(dsn string) bool {
	config, err := parse(dsn)
	if err != nil {
		return false
	}
	was := a.config.Load()
	return config.ConnString() == was.ConnString() && config.User == was.User && config.Password == was.Password
}

// dial connects to look at a server, or to change the schema.
func dial(ctx context.Context, o Options) (*pgx.ConnConfig, *pgx.Conn, error) {
	config, err := parse(o.DSN)
	if err != nil {
		return nil, nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, nil, connecting(config, 0, err)
	}
	return config, conn, nil
}

// connecting is an error of a connection in words, for a node with so many parts.
func connecting(config *pgx.ConnConfig, parts int, err error) error {
	where, role, base := servers(config), config.User, database(config)
	cause := strings.Join(strings.Fields(err.Error()), " ") // it has several lines
	switch state := code(err); {
	case state == "28P01" || state == "28000":
		return unfit("PostgreSQL at %s does not let the role %s in: look at its password, and at pg_hba.conf of the server (%s)", where, role, cause)
	case state == "3D000":
		return unfit("PostgreSQL at %s has no database %s: CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0 OWNER %s (%s)", where, base, quoted(base), quoted(role), cause)
	case state == "42501":
		return unfit("the role %s may not connect to the database %s: as its owner, GRANT CONNECT ON DATABASE %s TO %s (%s)", role, base, quoted(base), quoted(role), cause)
	case state == "53300":
		return unreachable("PostgreSQL at %s has no connection left, and this server needs %d and up to %d for reading: raise max_connections, or the limit of the role or the database (%s)",
			where, max(parts, UsualParts)+2, readers, cause)
	case state == "57P03":
		return unreachable("PostgreSQL at %s is starting or stopping: wait, or look at its log (%s)", where, cause)
	case strings.Contains(cause, "unsupported startup parameter"):
		return unfit("the pooler at %s does not take all parameters of the address: leave them out, or name them in its ignore_startup_parameters (%s)", where, cause)
	case strings.Contains(cause, "read only connection") || strings.Contains(cause, "standby mode"):
		return unfit("no server of %s takes writes: each is a standby or read-only; promote one, or name the primary (%s)", where, cause)
	case errors.Is(err, errUnconfirmed):
		return unreachable("PostgreSQL at %s is not read yet: connect its synchronous standby, end it if another server was promoted, or say `durability primary` (%s)", where, cause)
	}
	return unreachable("can't connect to PostgreSQL at %s: look whether it runs, and whether the address is right (%s)", where, cause)
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
