//go:build unix

package pgjournal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// A program of version 3 records all by append_seen, beside one that has append_plain: both leave the same rows, and answer
// the same. Here one of the two functions is not there in each schema.
func TestCommit_Plain_SameRows(t *testing.T) {
	names := []string{schema(t), schema(t)}
	var answers [2][]shared.Outcome
	for i, name := range names {
		s := open(t, name)
		commit(t, s, said("a", "1", `"1"`), said("b", "1", `"1"`), said("c", "1", `"1"`), &journal.Entry{Room: "b", Kind: journal.Member, Key: "m"})
		postgres.Exec(t, "ALTER FUNCTION "+name+"."+[]string{"append_seen", "append_plain"}[i]+" RENAME TO gone")
		for n := range 4 { // two of them alone
			quiet, text, guest := said("b", fmt.Sprint("q", n), `"quiet"`), said("a", fmt.Sprint("t", n), "text"), said("b", fmt.Sprint("g", n), "")
			quiet.Quiet, text.Text, text.Target, guest.From.Guest, guest.Via = true, true, 1, true, "bot"
			b := batch(t, s, said("b", fmt.Sprint("x", n), `"b"`), text, quiet, said("c", fmt.Sprint("x", n), `"c"`), guest, said("a", fmt.Sprint("x", n), `"a"`))
			b.Nonce = nonce(fmt.Sprint(n))
			if n > 1 {
				b.Items = b.Items[n-1 : n]
			}
			if i == 1 {
				b.Items[0].Entry.With = []journal.Record{{Key: "k", Value: []byte("v")}} // by append_seen
			}
			c, err := s.Commit(b)
			if err != nil {
				t.Fatal(err)
			}
			for j := range c.Outcomes {
				c.Outcomes[j].Receipt.At, c.Outcomes[j].Receipt.Epoch = 0, ""
			}
			answers[i] = append(answers[i], c.Outcomes...)
		}
	}
	if !slices.Equal(answers[0], answers[1]) {
		t.Errorf("answers\n%+v, and\n%+v", answers[0], answers[1])
	}
	for table, columns := range map[string]string{
		"entry": "room, seq, pos, count, size, state, target, edited, kind, flags, claim, usr, who, key, body",
		"feed":  "part, pos, rooms, lo, hi",
		"room":  "name, part, first, last, born",
	} {
		of := func(schema string) string { return "SELECT " + columns + " FROM " + schema + "." + table }
		postgres.Exec(t, fmt.Sprintf("DO $$ BEGIN IF EXISTS ((%[1]s EXCEPT %[2]s) UNION ALL (%[2]s EXCEPT %[1]s)) THEN RAISE 'the rows of %[3]s differ'; END IF; END $$",
			of(names[0]), of(names[1]), table))
	}
}

// What was let go or forgotten since the last commit is known to append_plain too.
func TestCommit_Plain_KnowsWhatIsGone(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	want := func(key string, result shared.Result, seq journal.Seq) (epoch string) {
		t.Helper()
		got := commit(t, s, said("r", key, "1"))[0]
		if got.Result != result || got.Receipt.Seq != seq {
			t.Errorf("%s: %+v, want result %d and number %d", key, got, result, seq)
		}
		return got.Receipt.Epoch
	}
	want("a", shared.Recorded, 1)
	epoch := want("b", shared.Recorded, 2)
	want("b", shared.Known, 2)
	want("c", shared.Recorded, 3)
	postgres.Exec(t, "SELECT "+name+".let_go('r', 3, 0, 0, 0, 0)") // a and b
	want("a", shared.Known, 1)
	want("d", shared.Recorded, 4)
	want("e", shared.Recorded, 5)
	postgres.Exec(t, "SELECT "+name+".let_go('r', 6, 0, 0, 0, 0)") // all
	want("f", shared.Recorded, 6)
	postgres.Exec(t, fmt.Sprintf("SELECT %s.forget(p, 'r', false) FROM generate_series(0, 1) p", name))
	now := want("a", shared.Recorded, 1)
	if again := want("b", shared.Recorded, 2); now == epoch || again != now {
		t.Errorf("a room that was forgotten goes on in the epoch %s, then %s, and was in %s", now, again, epoch)
	}
	postgres.Exec(t, "DELETE FROM "+name+".entry WHERE seq = 2") // as in an older backup
	want("x", shared.Recorded, 2)
	postgres.Exec(t, "UPDATE "+name+".entry SET seq = 9007199254740991 - 1022 WHERE seq = 2")
	want("c", shared.Full, 0)
}

// append_plain too records nothing for a node that has seen something else.
func TestCommit_Plain_Refuses(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	commit(t, s, said("r", "a", "1"))
	b := batch(t, s, said("r", "b", "1"))
	marks, err := s.Marks(t.Context(), shared.Standing{})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range marks.Parts {
		if m.Row > 0 {
			b.Part, b.Seen = i, shared.Seen{Row: m.Row, Nonce: m.Nonce}
		}
	}
	for what, change := range map[string]func(*shared.Batch){
		"another epoch":   func(b *shared.Batch) { b.Epoch = "other" },
		"a row too many":  func(b *shared.Batch) { b.Seen.Row++ },
		"another content": func(b *shared.Batch) { b.Seen.Nonce[0]++ },
	} {
		other := b
		change(&other)
		if _, err := s.Commit(other); !errors.Is(err, shared.ErrRolledBack) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Others have recorded since: then the feed is asked for the row that was seen.
	newer := b
	newer.Seen = shared.Seen{}
	newer.Items = batch(t, s, said("r", "newer", "1")).Items
	if c, err := s.Commit(newer); err != nil || c.Row != b.Seen.Row+1 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, list := range [][]*journal.Entry{{said("r", "c", "1")}, {said("r", "d", "1"), said("r", "e", "1")}} {
		other := b
		other.Items = batch(t, s, list...).Items
		other.Seen.Nonce[0]++
		if _, err := s.Commit(other); !errors.Is(err, shared.ErrRolledBack) {
			t.Errorf("%d entries, and the row that was seen has another content: %v", len(list), err)
		}
		other.Seen = b.Seen
		if c, err := s.Commit(other); err != nil || c.Row == 0 {
			t.Errorf("%d entries behind those of others: %+v, %v", len(list), c, err)
		}
	}
	// Time goes on, and the feed, also where rows of it were let go.
	postgres.Exec(t, "UPDATE "+name+".entry SET at = 9e12; SELECT "+name+".forget_feed()")
	if c, err := s.Commit(b); err != nil || c.Outcomes[0].Receipt.Seq != 6 || c.Outcomes[0].Receipt.At != 9e12 || c.Row != b.Seen.Row+4 {
		t.Errorf("%+v, %v", c, err)
	}
	postgres.Exec(t, "UPDATE "+name+".store SET server = 'another one'")
	if _, err := s.Commit(batch(t, s, said("r", "f", "1"))); !errors.Is(err, shared.ErrRolledBack) {
		t.Errorf("on another server: %v", err)
	}
	// The row of store, and those of part, may be written back by hand.
	postgres.Exec(t, "UPDATE "+name+".store SET server = "+name+".server()")
	for table, columns := range map[string]string{"store": "version, parts, epoch, dropped, seal, turn, server", "part": "id, pos"} {
		postgres.Exec(t, strings.NewReplacer("$table", name+"."+table, "$columns", columns, "$name", name).Replace(`CREATE TEMP TABLE kept AS SELECT * FROM $table;
			DELETE FROM $table; UPDATE $name.part SET epoch = 'gone'; INSERT INTO $table($columns) SELECT $columns FROM kept; DROP TABLE kept`))
		if c, err := s.Commit(batch(t, s, said("r", "f of "+table, "1"))); err != nil || c.Row == 0 {
			t.Errorf("%s was written back: %+v, %v", table, c, err)
		}
	}
}

// ways are batches that each of the functions records: append_entry, append_plain and append_seen. Their room is there.
func ways(t *testing.T, s *pgjournal.Store) map[string]shared.Batch {
	t.Helper()
	key := fmt.Sprint(time.Now())
	return map[string]shared.Batch{
		"append_entry": batch(t, s, said("r", key+"1", "1")),
		"append_plain": batch(t, s, said("r", key+"2", "2"), said("r", key+"3", "3")),
		"append_seen":  batch(t, s, &journal.Entry{Room: "r", Kind: journal.Recall, Key: key + "4", Target: 1}),
	}
}

func wantRefused(t *testing.T, s *pgjournal.Store, batches map[string]shared.Batch, words string) {
	t.Helper()
	for way, b := range batches {
		if c, err := s.Commit(b); !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s answers %+v, %v, want words of %q", way, c, err, words)
		}
	}
}

// The settings of a server may change while a node runs.
func TestCommit_Isolation_IsRefusedByEachFunction(t *testing.T) {
	name := schema(t)
	postgres.Exec(t, "DROP ROLE IF EXISTS changing; CREATE ROLE changing SUPERUSER LOGIN")
	o := pgjournal.Options{DSN: postgres.DSN("changing"), Schema: name}
	s, err := pgjournal.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit(t, s, said("r", "first", "1"))
	batches := ways(t, s)
	postgres.Exec(t, "ALTER ROLE changing SET default_transaction_isolation = 'repeatable read'")
	postgres.Exec(t, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'changing'")
	if c, err := s.Commit(batches["append_entry"]); err == nil || c.Row > 0 { // it finds its connection gone
		t.Fatalf("%+v, %v", c, err)
	}
	wantRefused(t, s, batches, "read committed")
}

// Each function says whether other nodes are there.
func TestCommit_Alone(t *testing.T) {
	s := open(t, schema(t))
	commit(t, s, said("r", "first", "1"))
	for n, alone := range []bool{true, false} {
		if _, err := s.Beat(t.Context(), journal.Node{ID: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
		for way, b := range ways(t, s) {
			if c, err := s.Commit(b); err != nil || c.Alone != alone {
				t.Errorf("%s of %d nodes says %+v, %v", way, n+1, c, err)
			}
		}
	}
}

// The server is told by its files, once for each connection: it is gone before the server is another one.
func TestCommit_Plain_AsksOnceWhichServer(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	commit(t, s, said("r", "first", "1"))
	batches := ways(t, s)
	postgres.Exec(t, "ALTER FUNCTION "+name+".server RENAME TO gone")
	for way, b := range batches {
		if c, err := s.Commit(b); way != "append_seen" && (err != nil || c.Row == 0) {
			t.Errorf("%s asks again: %+v, %v", way, c, err)
		}
	}
}

// waitForLock returns when somebody waits for what a connection has locked.
func waitForLock(t *testing.T, holder *pgx.Conn) {
	t.Helper()
	others := connect(t, postgres)
	for began, waits := time.Now(), false; !waits; time.Sleep(5 * time.Millisecond) {
		err := others.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE $1 = ANY (pg_blocking_pids(a.pid)))", holder.PgConn().PID()).Scan(&waits)
		if err != nil || time.Since(began) > time.Minute {
			t.Fatalf("nobody waits: %v", err)
		}
	}
}

// What waits for a part while the store gets another epoch is recorded in none.
func TestCommit_WhileAnotherEpochBegins(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	commit(t, s, said("r", "first", "1"))
	for way, b := range ways(t, s) {
		b.Epoch = batch(t, s).Epoch
		conn := connect(t, postgres)
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), "SELECT "+name+".go_on($1, false, 1, '{}', '{}', 0)", b.Epoch); err != nil {
			t.Fatal(err)
		}
		refused := make(chan error, 1)
		go func() {
			_, err := s.Commit(b)
			refused <- err
		}()
		waitForLock(t, conn)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !errors.Is(err, shared.ErrRolledBack) {
			t.Errorf("%s: %v", way, err)
		}
		b.Epoch = batch(t, s).Epoch
		if c, err := s.Commit(b); err != nil || c.Row == 0 {
			t.Errorf("%s in the new epoch: %+v, %v", way, c, err)
		}
	}
}

// A schema of version 4 is brought up to date while a program of that version records.
func TestMigrate_WhileANodeRecords(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	commit(t, s, said("r", "first", "1"))
	epoch := batch(t, s).Epoch
	text, err := os.ReadFile("migrations/0004.sql")
	if err != nil {
		t.Fatal(err)
	}
	older := strings.NewReplacer("{{schema}}", name, "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").Replace(string(text))
	postgres.Exec(t, "SET search_path = "+name+", pg_temp; "+older+`; UPDATE store SET version = 4;
		DROP FUNCTION append_entry; DROP FUNCTION mark_part CASCADE; DROP FUNCTION mark_parts CASCADE; ALTER TABLE part DROP COLUMN epoch, DROP COLUMN server`)
	conn := connect(t, postgres)
	const many = 200
	old := make(chan error, many)
	go func() {
		defer close(old)
		for n := range many {
			var row int64
			err := conn.QueryRow(context.Background(), "SELECT recorded FROM "+name+`.append_one($1, 0, '', false, $2, $3, 'r', 0, 1, 321, $4, 1::smallint, 1, 'u', '\x000000', $4, 0, '1')`,
				epoch, 0, fmt.Append(nil, "row ", n), fmt.Append(nil, "old ", n)).Scan(&row)
			if err == nil && row == 0 {
				err = errors.New("nothing was recorded")
			}
			old <- err
		}
	}()
	defer func() { // also if the test fails
		for range old {
		}
	}()
	for range many / 4 {
		<-old
	}
	if err := pgjournal.Migrate(t.Context(), of(name), ""); err != nil {
		t.Fatal(err)
	}
	recorded := 0
	for range 20 {
		for way, b := range ways(t, s) {
			c, err := s.Commit(b)
			if err != nil || c.Row == 0 {
				t.Fatalf("%s: %+v, %v", way, c, err)
			}
			recorded += len(c.Outcomes)
		}
	}
	for err := range old {
		if err != nil {
			t.Fatalf("a program of version 4: %v", err)
		}
	}
	all := commit(t, s, said("r", "last", "1"))[0].Receipt.Seq
	if want := journal.Seq(1 + many + recorded + 1); all != want {
		t.Errorf("the last of %d entries has the number %d", want, all)
	}
	postgres.Exec(t, "DO $$ BEGIN IF EXISTS (SELECT FROM pg_proc WHERE pronamespace = '"+name+"'::regnamespace AND proname IN ('append_one', 'append_plain') AND prosrc !~ 'caddychat.server') THEN RAISE 'older functions are there'; END IF; END $$")
}
