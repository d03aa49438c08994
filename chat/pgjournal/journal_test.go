//go:build unix

package pgjournal_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

var all = flag.Bool("all", false, "run the whole of journaltest, which takes minutes")

// chosen skips what is not run each time: everything here is a real server with a schema of its own.
func chosen(t *testing.T) {
	t.Helper()
	for _, part := range []string{"/Key/", "/Close/", "/Redactor/", "/Successor/", "/Simulation/with_", "/Simulation/of_two_", "/Rollback/", "/are_in_GetMany", "/deletes_entries_by_age"} {
		if *all || strings.Contains(t.Name(), part) {
			return
		}
	}
	t.Skip("make postgres-all runs it")
}

// node opens a journal on a schema.
func node(t *testing.T, schema string, opt shared.Options) journal.Journal {
	t.Helper()
	s, err := pgjournal.Open(t.Context(), of(schema))
	if err != nil {
		t.Fatal(err)
	}
	j, err := shared.Open(t.Context(), s, opt)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournal(t *testing.T) {
	schemas := map[journal.Journal]string{}
	kept := map[journal.Journal]func(string) journal.Retention{}
	journaltest.Run(t,
		func(t *testing.T) journal.Journal {
			chosen(t)
			name := schema(t)
			j := node(t, name, shared.Options{})
			schemas[j] = name
			return j
		},
		journaltest.Reopen(func(t *testing.T, j journal.Journal) journal.Journal {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			again := node(t, schemas[j], shared.Options{Retention: kept[j]})
			kept[again] = kept[j]
			schemas[again] = schemas[j]
			return again
		}),
		journaltest.Retain(
			func(t *testing.T, keep func(room string) journal.Retention) journal.Journal {
				chosen(t)
				name := schema(t)
				j := node(t, name, shared.Options{Retention: keep})
				schemas[j], kept[j] = name, keep
				return j
			},
			func(t *testing.T, j journal.Journal) {
				if err := j.(*shared.Journal).Enforce(t.Context()); err != nil {
					t.Error(err)
				}
			}),
		journaltest.Rollback(func(t *testing.T, j journal.Journal, change func()) {
			name := schemas[j]
			tables := "SELECT relname AS t FROM pg_class WHERE relnamespace = '" + name + "'::regnamespace AND relkind = 'r'"
			postgres.Exec(t, "CREATE SCHEMA "+name+"_old; DO $$ DECLARE t text; BEGIN FOR t IN "+tables+" LOOP EXECUTE format('CREATE TABLE "+name+"_old.%I AS TABLE "+name+".%I', t, t); END LOOP; END $$")
			change()
			postgres.Exec(t, "DO $$ DECLARE t text; BEGIN FOR t IN "+tables+" LOOP EXECUTE format('TRUNCATE "+name+".%I; INSERT INTO "+name+".%I SELECT * FROM "+name+"_old.%I', t, t, t); END LOOP; END $$")
		}),
		journaltest.Nodes(func(t *testing.T) func(t *testing.T) journal.Journal {
			chosen(t)
			name := schema(t)
			return func(t *testing.T) journal.Journal { return node(t, name, shared.Options{}) }
		}),
	)
}
