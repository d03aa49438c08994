package pgjournal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are what Open needs.
type Options struct {
	DSN    string // postgres://…
	Schema string
	// Standby says that an entry must be on a synchronous standby before it is
	// acknowledged. Otherwise it is on the primary only.
	Standby bool
}

// Store is an open schema.
type Store struct {
	options Options
	schema  string // quoted
	config  *pgx.ConnConfig
	pool    *pgxpool.Pool
	parts   []*committer
	records *committer
}

// Open connects, checks the server and the schema, and returns an error that says what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, err := parse(o.DSN)
	if err != nil {
		return nil, err
	}
	pooled, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, errors.New("an environment variable whose name begins with PG can't be read by the client of PostgreSQL")
	}
	pooled.ConnConfig, pooled.MaxConns = config.Copy(), 16
	// The estimates of statements about few rows look expensive: compiling them would take longer than running them.
	pooled.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET jit = off")
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pooled)
	if err != nil {
		return nil, refusal(err)
	}
	s := &Store{options: o, schema: pgx.Identifier{o.Schema}.Sanitize(), config: config, pool: pool}
	parts, err := s.check(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.records = newCommitter(config)
	for range parts {
		s.parts = append(s.parts, newCommitter(config))
	}
	return s, nil
}

// check returns the number of parts.
func (s *Store) check(ctx context.Context) (int, error) {
	var number int
	var encoding, fsync, pages, commit, standbys, isolation string
	var recovery, readonly, streaming bool
	err := s.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_setting('fsync'),
		current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
		current_setting('transaction_isolation'), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
		EXISTS (SELECT FROM pg_stat_get_wal_senders() w WHERE w.state = 'streaming' AND w.sync_state IN ('sync', 'quorum'))`).
		Scan(&number, &encoding, &fsync, &pages, &commit, &standbys, &isolation, &recovery, &readonly, &streaming)
	if err != nil {
		return 0, refusal(err)
	}
	switch {
	case number < 150000:
		return 0, fmt.Errorf("PostgreSQL is version %d, and 15 is the oldest that is served: upgrade it", number/10000)
	case encoding != "UTF8":
		return 0, fmt.Errorf("the database has the encoding %s: make one with ENCODING 'UTF8'", encoding)
	case recovery:
		return 0, errors.New("this PostgreSQL is a standby and takes no writes: name the primary, or add target_session_attrs=read-write to the address")
	case readonly:
		return 0, errors.New("transactions are read-only: unset default_transaction_read_only")
	case fsync != "on":
		return 0, errors.New("fsync is off, so a crash of the machine loses messages: set fsync = on in postgresql.conf")
	case pages != "on":
		return 0, errors.New("full_page_writes is off, so a crash of the machine may damage tables: set full_page_writes = on in postgresql.conf")
	case commit == "off" || commit == "local" && s.options.Standby:
		return 0, fmt.Errorf("synchronous_commit is %s, so messages would be acknowledged before they are durable: set synchronous_commit = on", commit)
	case isolation != "read committed":
		return 0, fmt.Errorf("transactions are %s: set default_transaction_isolation = 'read committed' for the role", isolation)
	case s.options.Standby && standbys == "":
		return 0, errors.New("synchronous_standby_names names no standby: name one in postgresql.conf, or say `durability primary`")
	case s.options.Standby && !streaming:
		return 0, errors.New("no synchronous standby is connected, and messages would wait for ever: connect one, or say `durability primary`")
	}
	have, err := schemaVersion(ctx, s.pool, s.schema)
	switch {
	case code(err) == "42501":
		return 0, fmt.Errorf("the role %s may not use the schema: as its owner, GRANT USAGE ON SCHEMA %s, GRANT SELECT ON ALL TABLES and GRANT EXECUTE ON ALL FUNCTIONS in it TO it",
			s.config.User, s.schema)
	case err != nil:
		return 0, refusal(err)
	case have == 0:
		return 0, fmt.Errorf("there is no schema %s with the tables of a chat: make it as its owner", s.schema)
	case have > version+1:
		return 0, newer(s.options.Schema, have)
	case have < version:
		return 0, fmt.Errorf("the schema %s has version %d, and this program needs %d: bring it up to date as its owner", s.schema, have, version)
	}
	var may bool
	var parts int
	err = s.pool.QueryRow(ctx, `SELECT parts, (SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc p WHERE p.pronamespace = to_regnamespace($1))
		FROM `+s.schema+`.store`, s.schema).Scan(&parts, &may)
	if err != nil {
		return 0, refusal(err)
	}
	if !may {
		return 0, fmt.Errorf("the role %s may not append: as the owner, GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %s TO %s",
			s.config.User, s.schema, pgx.Identifier{s.config.User}.Sanitize())
	}
	return parts, nil
}

// Parts is that of shared.Engine.
func (s *Store) Parts() int { return len(s.parts) }

// Close ends all connections. A Commit that waits ends with an error.
func (s *Store) Close() error {
	for _, c := range s.parts {
		c.close()
	}
	s.records.close()
	s.pool.Close()
	return nil
}

// sql puts the schema in the place of "$.".
func (s *Store) sql(text string) string { return strings.ReplaceAll(text, "$.", s.schema+".") }

// replace puts the number of an argument in the place of "?".
func replace(text string, argument int) string {
	return strings.ReplaceAll(text, "?", "$"+strconv.Itoa(argument))
}
