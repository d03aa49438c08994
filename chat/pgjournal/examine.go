package pgjournal

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// examine returns the number of parts, or why the server or the schema is of no use. If due, the schema is to be
// made or brought up to date, and the role may do that.
func examine(ctx context.Context, conn *pgx.Conn, role string, o Options) (parts int, due bool, err error) {
	if err := examineServer(ctx, conn, o.Standby); err != nil {
		return 0, false, err
	}
	name := quoted(o.Schema)
	have, err := schemaVersion(ctx, conn, name)
	switch {
	case code(err) == "42501":
		return 0, false, unfit("the role %s may not use the schema %s: as its owner, %s", role, o.Schema, grants(name, quoted(role)))
	case err != nil:
		return 0, false, reading(err)
	case have > version+1:
		return 0, false, newer(o.Schema, have)
	case have < version:
		return 0, true, mayMigrate(ctx, conn, role, o, have)
	}
	var tables, functions, sealed bool
	var rows int
	err = conn.QueryRow(ctx, `SELECT s.parts, s.seal = md5(s.parts || ' ' || s.epoch), (SELECT count(*) FROM `+name+`.part p WHERE p.id >= -1 AND p.id < s.parts) FROM `+name+`.store s`).
		Scan(&parts, &sealed, &rows)
	if err == nil {
		err = conn.QueryRow(ctx, `SELECT (SELECT bool_and(has_table_privilege(c.oid, 'SELECT')) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'r'),
			(SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc p WHERE p.pronamespace = n.oid) FROM pg_namespace n WHERE n.oid = to_regnamespace($1)`, name).
			Scan(&tables, &functions)
	}
	switch {
	case code(err) == "42501" || err == nil && (!tables || !functions):
		return 0, false, unfit("the role %s may not use all of the schema %s: as its owner, %s", role, o.Schema, grants(name, quoted(role)))
	case err != nil:
		return 0, false, reading(err)
	case !sealed:
		return 0, false, unfit("the column parts or epoch of the table %s.store was changed by hand: write the old value back, or restore the schema from a backup", name)
	case rows != parts+1:
		return 0, false, unfit("the table %s.part lacks rows: it was changed by hand; restore the schema from a backup", name)
	case o.Parts != 0 && o.Parts != parts:
		return 0, false, unfit("the schema %s was made with %d parts and never gets %d: say so, or leave the option parts out", o.Schema, parts, o.Parts)
	}
	return parts, false, nil
}

func reading(err error) error {
	return unreachable("PostgreSQL does not answer as it should: %v", err)
}

func grants(schema, role string) string {
	return "GRANT USAGE ON SCHEMA " + schema + " TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO " + role +
		"; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA " + schema + " TO " + role
}

// mayMigrate returns why the role may not make the schema or bring it up to date.
func mayMigrate(ctx context.Context, conn *pgx.Conn, role string, o Options, have int) error {
	name := quoted(o.Schema)
	var may bool
	err := conn.QueryRow(ctx, `SELECT CASE WHEN to_regclass($1) IS NOT NULL THEN (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass($1))
		WHEN to_regnamespace($2) IS NOT NULL THEN has_schema_privilege(to_regnamespace($2)::oid, 'CREATE')
		ELSE has_database_privilege(current_database(), 'CREATE') END`, name+".store", name).Scan(&may)
	switch {
	case err != nil:
		return reading(err)
	case may:
		return nil
	case have == none:
		return unfit("the role %s may not make the schema %s: as a superuser, CREATE SCHEMA %s AUTHORIZATION %s", role, o.Schema, name, quoted(role))
	}
	return unfit("the schema %s has version %d, and this program needs %d: start the program once with the role that owns it in the address, or ALTER its owner to %s", o.Schema, have, version, quoted(role))
}

// examineServer returns why a server is of no use.
func examineServer(ctx context.Context, conn *pgx.Conn, standby bool) error {
	var number int
	var encoding, fsync, pages, commit, standbys, isolation string
	var recovery, readonly bool
	var streaming *bool
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_setting('fsync'),
		current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
		current_setting('transaction_isolation'), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
		(SELECT CASE WHEN count(*) = 0 THEN false ELSE bool_or(w.state = 'streaming' AND w.sync_state IN ('sync', 'quorum')) END FROM pg_stat_get_wal_senders() w)`).
		Scan(&number, &encoding, &fsync, &pages, &commit, &standbys, &isolation, &recovery, &readonly, &streaming)
	switch {
	case err != nil:
		return reading(err)
	case number < 150000:
		return unfit("PostgreSQL is version %d, and 15 is the oldest that is served: upgrade it", number/10000)
	case encoding != "UTF8":
		return unfit("the database has the encoding %s: make one with ENCODING 'UTF8'", encoding)
	case recovery:
		return unfit("this PostgreSQL is a standby and takes no writes: name the primary, or add target_session_attrs=read-write to the address")
	case readonly:
		return unfit("transactions are read-only: unset default_transaction_read_only")
	case fsync != "on":
		return unfit("fsync is off, so a crash of the machine loses messages: set fsync = on in postgresql.conf")
	case pages != "on":
		return unfit("full_page_writes is off, so a crash of the machine may damage tables: set full_page_writes = on in postgresql.conf")
	case commit == "off" || commit == "local" && standby:
		return unfit("synchronous_commit is %s, so messages would be acknowledged before they are durable: set synchronous_commit = on", commit)
	case isolation != "read committed":
		return unfit("transactions are %s: set default_transaction_isolation = 'read committed' for the role", isolation)
	case standby && standbys == "":
		return unfit("synchronous_standby_names names no standby: name one in postgresql.conf, or say `durability primary`")
	case standby && streaming == nil: // without that right all columns are NULL
		return unfit("the role can't see whether a synchronous standby is connected: as a superuser, GRANT pg_read_all_stats TO it")
	case standby && !*streaming:
		return unfit("no synchronous standby is connected, and messages would wait for ever: connect one, or say `durability primary`")
	}
	return nil
}
