package pgjournal

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// pooling says what stands between this node and PostgreSQL.
type pooling int

const (
	direct        pooling = iota
	bySession             // a pooler, which keeps a connection to the server for each of ours
	byTransaction         // a pooler such as PgBouncer in transaction mode, where the next transaction may have another server connection: LISTEN, SET and prepared statements mean nothing there
)

// rounds is how often two connections through a pooler are compared. While others use the pooler too, one round may show nothing.
const rounds = 10

// poolingOf finds out what stands between. A pooler makes up the process that conn may cancel. If it keeps no connection for
// each of ours, two of ours meet at one process, or one goes from one process to another. Nothing is left behind.
func poolingOf(ctx context.Context, conn *pgx.Conn, config *pgx.ConnConfig) (pooling, error) {
	own, err := backend(ctx, conn)
	if err != nil || own == conn.PgConn().PID() {
		return direct, err
	}
	other, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return bySession, err
	}
	defer other.Close(context.WithoutCancel(ctx))
	for range rounds {
		theirs, err := backend(ctx, other)
		if err != nil {
			return bySession, err
		}
		again, err := backend(ctx, conn)
		if err != nil || theirs == own || again != own {
			return byTransaction, err
		}
	}
	return bySession, nil
}

func backend(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	if err != nil {
		err = reading(err)
	}
	return pid, err
}

// throughPooler looks at what stands before PostgreSQL, for a node that reads through conn. It returns what an operator should
// know. unheard says that nothing can be heard at the address of listen.
func throughPooler(ctx context.Context, o Options, conn *pgx.Conn, config, listen *pgx.ConnConfig) (reads pooling, unheard bool, warnings []string, err error) {
	if reads, err = poolingOf(ctx, conn, config); err != nil {
		return reads, false, nil, err
	}
	hears := reads
	if o.Listen != "" {
		second, err := pgx.ConnectConfig(ctx, listen)
		if err != nil {
			return reads, false, nil, connecting(listen, 0, err)
		}
		defer second.Close(context.WithoutCancel(ctx))
		if hears, err = poolingOf(ctx, second, listen); err != nil {
			return reads, false, nil, err
		}
	}
	if unheard = hears == byTransaction; unheard {
		warnings = append(warnings, "the pooler before PostgreSQL works in transaction mode, so this server hears no other one: their messages come up to a second late, "+
			"kicks and the end of sessions up to six, and who is present and typing is not told between servers; give the option listen an address that leads to PostgreSQL itself")
	}
	if reads == byTransaction {
		if err := pgx.BeginFunc(ctx, conn, func(pgx.Tx) error { return nil }); err != nil {
			return reads, unheard, nil, unfit("the pooler before PostgreSQL allows no transactions, as PgBouncer does in statement mode: use transaction or session mode (%v)", err)
		}
		var jit string
		if err := conn.QueryRow(ctx, "SELECT current_setting('jit')").Scan(&jit); err != nil {
			return reads, unheard, nil, reading(err)
		}
		if jit == "on" {
			warnings = append(warnings, "the pooler before PostgreSQL works in transaction mode, so this server cannot turn jit off for itself, and reading may be slow: ALTER ROLE "+quoted(config.User)+" SET jit = off")
		}
	}
	return reads, unheard, warnings, nil
}
