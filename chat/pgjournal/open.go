package pgjournal

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store is an open schema.
type Store struct {
	options Options
	schema  string  // quoted
	address address // of all connections but that of Listen
	listen  address
	sockets sockets // of pool and of Listen
	safe    confirmed
	pool    *pgxpool.Pool
	parts   []*committer
	records *committer

	unheard  bool // nothing is heard at the address of listen
	warnings []string
}

// Open connects, checks the server, makes the schema or brings it up to date if its role may do that,
// and returns an error that says what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, conn, err := dial(ctx, o)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	parts, due, err := examine(ctx, conn, config.User, o)
	if err == nil && due {
		if err = migrateAll(ctx, conn, config.User, o); err == nil {
			parts, _, err = examine(ctx, conn, config.User, o)
		}
	}
	if err != nil {
		return nil, err
	}
	s := &Store{options: o, schema: pgx.Identifier{o.Schema}.Sanitize(), sockets: sockets{open: map[*socket]struct{}{}}}
	if err := s.SetAddress(o); err != nil {
		return nil, err
	}
	var reads pooling
	if reads, s.unheard, s.warnings, err = throughPooler(ctx, o, conn, s.address.config.Load(), s.listen.config.Load()); err != nil {
		return nil, err
	}
	pooled, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, unfit("an environment variable whose name begins with PG can't be read by the client of PostgreSQL")
	}
	mode := pgx.QueryExecModeCacheDescribe
	if reads != byTransaction {
		mode = pgx.QueryExecModeCacheStatement
	}
	pooled.ConnConfig, pooled.MaxConns = s.address.with(s.sockets.dial, mode), readers
	pooled.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		*c = *s.address.with(s.sockets.dial, mode)
		if reads != direct {
			// A pooler that is told to cancel may mix up whose statement that is.
			*c = *s.sockets.withoutCancel(c)
		}
		return nil
	}
	if reads != byTransaction {
		// The estimates of statements about few rows look expensive: compiling them would take longer than running them.
		pooled.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "SET jit = off")
			return err
		}
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, pooled); err != nil {
		return nil, connecting(config, 0, err)
	}
	s.records = newCommitter(&s.address)
	for range parts {
		s.parts = append(s.parts, newCommitter(&s.address))
	}
	if err := s.connectAll(); err != nil {
		s.Close()
		return nil, connecting(config, parts, err)
	}
	return s, nil
}

// SetAddress says how to reach the servers from now on, for example with another password: the place must be the
// same. Connections that are open stay.
func (s *Store) SetAddress(o Options) error {
	var safe *confirmed
	if o.Standby {
		safe = &s.safe
	}
	var next [2]address
	for i, dsn := range []string{o.DSN, cmp.Or(o.Listen, o.DSN)} {
		if err := next[i].read(dsn, safe); err != nil {
			return err
		}
	}
	s.address.config.Store(next[0].config.Load())
	s.listen.config.Store(next[1].config.Load())
	return nil
}

// HasAddress reports whether it reaches the servers in that way.
func (s *Store) HasAddress(o Options) bool {
	return s.address.isSame(o.DSN) && s.listen.isSame(cmp.Or(o.Listen, o.DSN))
}

// Check returns why Open would fail now. It changes nothing.
func Check(ctx context.Context, o Options) error {
	config, conn, err := dial(ctx, o)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, _, err = examine(ctx, conn, config.User, o)
	return err
}

// connectAll connects the committers: a server without connections for them is of no use.
func (s *Store) connectAll() error {
	list := append([]*committer{s.records}, s.parts...)
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, c := range list {
		wg.Go(func() { errs[i] = c.connect() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Warnings returns what an operator should know of the way to the server, in words.
func (s *Store) Warnings() []string { return s.warnings }

// Parts is that of shared.Engine.
func (s *Store) Parts() int { return len(s.parts) }

// Close ends all connections. A Commit that waits ends with an error.
func (s *Store) Close() error {
	for _, c := range s.parts {
		c.close()
	}
	s.records.close()
	s.sockets.close()
	s.pool.Close()
	return nil
}

// sql puts the schema in the place of "$.".
func (s *Store) sql(text string) string { return strings.ReplaceAll(text, "$.", s.schema+".") }

// replace puts the number of an argument in the place of "?".
func replace(text string, argument int) string {
	return strings.ReplaceAll(text, "?", "$"+strconv.Itoa(argument))
}
