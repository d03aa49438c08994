package pgjournal

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrations embed.FS

// version is that of the schema which this program writes: the number of its last migration.
const version = 6

// none is the version of no schema.
const none = -1

// Migrate makes the schema of a hub or brings it up to date. The role of the address owns it. If
// server is not empty, it is the role that Open connects as, and gets the rights it needs.
// It is safe to call Migrate from several nodes at once, and again.
func Migrate(ctx context.Context, o Options, server string) error {
	config, conn, err := dial(ctx, o)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrateAll(ctx, conn, config.User, o); err != nil || server == "" {
		return err
	}
	name := pgx.Identifier{o.Schema}.Sanitize()
	role := pgx.Identifier{server}.Sanitize()
	for _, grant := range []string{"USAGE ON SCHEMA " + name, "SELECT ON ALL TABLES IN SCHEMA " + name, "EXECUTE ON ALL FUNCTIONS IN SCHEMA " + name} {
		if _, err := conn.Exec(ctx, "GRANT "+grant+" TO "+role); err != nil {
			return fmt.Errorf("can't GRANT %s TO %s: %w", grant, role, err)
		}
	}
	return nil
}

func migrateAll(ctx context.Context, conn *pgx.Conn, role string, o Options) error {
	name := pgx.Identifier{o.Schema}.Sanitize()
	for {
		done, err := migrate(ctx, conn, o, name)
		switch {
		case code(err) == "42501":
			return unfit("the role %s may not bring the schema %s up to date (%v): do it once as the owner of the schema", role, o.Schema, err)
		case errors.Is(err, ErrNewer) || errors.Is(err, ErrUnfit):
			return err
		case err != nil:
			return fmt.Errorf("can't bring the schema %s up to date: %w", o.Schema, err)
		case done:
			return nil
		}
	}
}

// migrate does the next migration in a transaction of its own. It reports whether there was none.
func migrate(ctx context.Context, conn *pgx.Conn, o Options, name string) (done bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 7231))", o.Schema); err != nil {
			return err
		}
		have, err := schemaVersion(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case have > version:
			return newer(o.Schema, have)
		case have == version:
			done = true
			return nil
		}
		next := max(have, 0) + 1
		text, err := migrations.ReadFile(fmt.Sprintf("migrations/%04d.sql", next))
		if err != nil {
			return err
		}
		if have == none {
			// The right to create in a database is not needed where the schema is there.
			if _, err := tx.Exec(ctx, "DO $$ BEGIN IF to_regnamespace("+quote(name)+") IS NULL THEN CREATE SCHEMA "+name+"; END IF; END $$"); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "SET LOCAL search_path = "+name+", pg_temp"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, strings.ReplaceAll(string(text), "{{schema}}", name)); err != nil {
			return err
		}
		if have == none {
			parts := cmp.Or(o.Parts, UsualParts)
			if _, err := tx.Exec(ctx, "INSERT INTO part SELECT generate_series(-1, $1::int - 1)", parts); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE store SET parts = $1::int, seal = md5($1::int || ' ' || epoch)", parts); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "UPDATE store SET version = $1", next)
		return err
	})
	return done, err
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// schemaVersion is that of a schema, or none if there is no schema.
func schemaVersion(ctx context.Context, q interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, name string) (int, error) {
	var there bool
	var v int
	if err := q.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name+".store").Scan(&there); err != nil || !there {
		return none, err
	}
	err := q.QueryRow(ctx, "SELECT version FROM "+name+".store").Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, unfit("the table %s.store is empty: the schema was changed by hand; restore it from a backup", name)
	}
	return v, err
}

func newer(schema string, have int) error {
	return &problem{ErrNewer, fmt.Sprintf("the schema %s has version %d, and this program knows %d: run the newer program that made it", schema, have, version)}
}
