//go:build unix

package pgjournal_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

func claim(key string) (c shared.Claim) {
	h := sha256.Sum256([]byte(key))
	copy(c[:], h[:])
	return c
}

func nonce(text string) shared.Nonce { return shared.Nonce(claim(text)) }

// batch is one of a node that knows the epoch.
func batch(t *testing.T, s *pgjournal.Store, items ...*journal.Entry) shared.Batch {
	t.Helper()
	marks, err := s.Marks(t.Context(), shared.Standing{})
	if err != nil {
		t.Fatal(err)
	}
	b := shared.Batch{Epoch: marks.Epoch, Nonce: nonce(fmt.Sprint(time.Now()))}
	for _, e := range items {
		b.Items = append(b.Items, shared.Item{Entry: e, Claim: claim(e.Key)})
	}
	return b
}

func said(room, key, body string) *journal.Entry {
	return &journal.Entry{Room: room, Kind: journal.Message, Key: key, From: journal.User{ID: "ann\x00"}, Body: []byte(body)}
}

func commit(t *testing.T, s *pgjournal.Store, items ...*journal.Entry) []shared.Outcome {
	t.Helper()
	out, err := s.Commit(batch(t, s, items...))
	if err != nil {
		t.Fatal(err)
	}
	return out.Outcomes
}

func TestCommit_NumbersAndResults(t *testing.T) {
	s := open(t, schema(t))
	quiet := said("r", "b", `"2"`)
	quiet.Quiet = true
	got := commit(t, s, said("r", "a", `"1"`), quiet, &journal.Entry{Room: "r", Kind: journal.Member, Key: "m"}, said("q", "a", `"1"`))
	for i, want := range []journal.Receipt{{Seq: 1, Count: 1, Position: 1}, {Seq: 2, Count: 1, Position: 2}, {Seq: 3, Count: 1, Position: 3}, {Seq: 1, Count: 1, Position: 4}} {
		want.Epoch, want.At = got[i].Receipt.Epoch, got[i].Receipt.At
		if got[i].Receipt != want || want.At == 0 || want.Epoch == "" || got[i].Result != shared.Recorded {
			t.Errorf("outcome %d is %+v, want %+v", i, got[i], want)
		}
	}
	stale := said("r", "s", `"3"`)
	stale.Since = 3
	fresh := said("r", "f", `"4"`)
	fresh.Since = 4
	again := commit(t, s, said("r", "a", `"other"`), stale, &journal.Entry{Room: "r", Kind: journal.Edit, Key: "e", Target: 3, Body: []byte(`"x"`)}, fresh)
	for i, want := range []shared.Result{shared.Known, shared.Stale, shared.NoTarget, shared.Recorded} {
		if again[i].Result != want {
			t.Errorf("result %d is %d, want %d", i, again[i].Result, want)
		}
	}
	if first := got[0].Receipt; again[3].Receipt.Seq != 4 || first.Duplicate {
		t.Errorf("outcomes %+v", again)
	} else if first.Duplicate = true; again[0].Receipt != first {
		t.Errorf("a known key has the receipt %+v, want %+v", again[0].Receipt, first)
	}
	if r, err := s.Find(t.Context(), "r", claim("a")); err != nil || r != again[0].Receipt {
		t.Errorf("Find is %+v, %v", r, err)
	}
}

func TestCommit_EffectsAtTheTarget(t *testing.T) {
	s := open(t, schema(t))
	first := said("r", "1", `"one"`)
	first.From.Name, first.From.Avatar, first.Via, first.Mentions = "Ann", "a.png", "bot", []string{"bob", ""}
	commit(t, s, first, said("r", "2", `"two"`),
		&journal.Entry{Room: "r", Kind: journal.Recall, Key: "3", Target: 2})
	commit(t, s, &journal.Entry{Room: "r", Kind: journal.Edit, Key: "4", Target: 1, Text: true, Body: []byte("new")})
	if out := commit(t, s, &journal.Entry{Room: "r", Kind: journal.Edit, Key: "5", Target: 2, Body: []byte(`"x"`)}); out[0].Result != shared.NoTarget {
		t.Errorf("an edit of a recalled message: %+v", out[0])
	}
	// A key that is known does not win again.
	commit(t, s, &journal.Entry{Room: "r", Kind: journal.Edit, Key: "6", Target: 1, Body: []byte(`"newest"`)})
	commit(t, s, &journal.Entry{Room: "r", Kind: journal.Edit, Key: "4", Target: 1, Text: true, Body: []byte("new")})
	got, all, err := s.Entries(t.Context(), []shared.Range{{Room: "r", Lo: 1, Hi: 9}}, 1<<20)
	if err != nil || len(got) != 5 || !all {
		t.Fatal(got, all, err)
	}
	if e := got[0]; string(e.Body) != `"newest"` || e.Text || e.Edited != 5 || e.From.ID != "ann\x00" || e.From.Name != "Ann" || e.From.Avatar != "a.png" || e.Via != "bot" || len(e.Mentions) != 2 {
		t.Errorf("the edited message is %+v", e)
	}
	if e := got[1]; e.Body != nil || !e.Recalled {
		t.Errorf("the recalled message is %+v", e)
	}
	if e := got[4]; string(e.Body) != `"newest"` {
		t.Errorf("the edit is %+v", e)
	}
	if few, all, err := s.Entries(t.Context(), []shared.Range{{Room: "r", Lo: 1, Hi: 9}}, 1); err != nil || len(few) != 1 || all {
		t.Errorf("within one byte: %d entries, %v", len(few), err)
	}
}

// A recall of a number that was not given yet erases nothing, in one batch too.
func TestCommit_RecallOfTheFuture(t *testing.T) {
	s := open(t, schema(t))
	commit(t, s, &journal.Entry{Room: "r", Kind: journal.Recall, Key: "1", Target: 2}, said("r", "2", `"two"`))
	got, _, err := s.Entries(t.Context(), []shared.Range{{Room: "r", Lo: 2, Hi: 2}}, 1<<20)
	if err != nil || len(got) != 1 || got[0].Recalled || string(got[0].Body) != `"two"` {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCommit_ManyAtOnce(t *testing.T) {
	name := schema(t)
	const nodes, each = 16, 12
	var wg sync.WaitGroup
	for n := range nodes {
		s := open(t, name)
		wg.Go(func() {
			for i := range each {
				items := []*journal.Entry{said(fmt.Sprint("own", n), fmt.Sprint(i), "1")}
				if i%2 == 0 { // the keys meet: two nodes say the same
					items = append(items, said("r", fmt.Sprint(n/2, i), "1"))
				}
				if _, err := s.Commit(batch(t, s, items...)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s := open(t, name)
	marks, err := s.Marks(t.Context(), shared.Standing{})
	if err != nil || marks.Parts[0].Row != nodes*each {
		t.Fatalf("the newest row is %+v, %v", marks.Parts[0], err)
	}
	rows, err := s.Rows(t.Context(), make([]uint64, s.Parts()), 1000)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]journal.Seq{}
	for i, row := range rows {
		if row.Number != uint64(i+1) {
			t.Fatalf("row %d has the position %d", i, row.Number)
		}
		for _, r := range row.Ranges {
			if r.Lo != next[r.Room]+1 {
				t.Errorf("%s goes on with %d after %d", r.Room, r.Lo, next[r.Room])
			}
			next[r.Room] = r.Hi
		}
	}
	if next["r"] != nodes/2*each/2 {
		t.Errorf("the shared room has %d entries, want %d", next["r"], nodes/2*each/2)
	}
}

// A backend that dies in a commit leaves it unknown; the same claims tell.
func TestCommit_KilledBackend(t *testing.T) {
	s := open(t, schema(t))
	commit(t, s, said("r", "0", "0"))
	seen := 0
	for i := 1; i <= 30; i++ {
		done := make(chan struct{})
		go func() {
			defer close(done)
			postgres.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%append%' AND pid <> pg_backend_pid()")
		}()
		b := batch(t, s, said("r", fmt.Sprint(i), "1"))
		out, err := s.Commit(b)
		if err != nil && errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("a killed commit is called certain: %v", err)
		}
		<-done
		for err != nil {
			seen++
			out, err = s.Commit(b)
		}
		if out.Outcomes[0].Receipt.Seq != journal.Seq(i+1) {
			t.Fatalf("message %d has the number %d", i, out.Outcomes[0].Receipt.Seq)
		}
	}
	if seen == 0 {
		t.Error("no commit was unknown")
	}
}

func TestCommit_LockTimeoutIsCertain(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	done := make(chan struct{})
	go func() {
		defer close(done)
		postgres.Exec(t, "BEGIN; SELECT FROM "+name+".part WHERE id = 0 FOR UPDATE; SELECT pg_sleep(4); COMMIT")
	}()
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = s.Commit(batch(t, s, said("r", fmt.Sprint(i), "1")))
	}
	if !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("behind a lock: %v", err)
	}
	<-done
}

func TestCommit_Records(t *testing.T) {
	name := schema(t)
	s := open(t, name)
	e := said("r", "1", "1")
	e.With = []journal.Record{{Key: "k\x00", Value: []byte("a")}, {Key: "gone", Value: []byte{}}}
	commit(t, s, e)
	f, g := said("r", "2", "1"), said("r", "3", "1")
	f.With = []journal.Record{{Key: "k\x00", Value: []byte("b")}, {Key: "gone"}}
	g.With = []journal.Record{{Key: "k\x00", Value: []byte("c")}}
	commit(t, s, f, g)
	commit(t, s, e) // known: it writes nothing
	postgres.Exec(t, `DO $$ BEGIN IF (SELECT string_agg(concat(key, value, seq, count, pos), ',') FROM `+name+`.record) <> '\x6b00\x63331025' THEN
		RAISE '%', (SELECT string_agg(concat(key, value, seq, count, pos), ',') FROM `+name+`.record); END IF; END $$`)
}

// newRole makes a role for the time of the test: the server serves all tests.
func newRole(t *testing.T, role, more string) {
	t.Helper()
	postgres.Exec(t, "CREATE ROLE "+role+" LOGIN; "+more)
	t.Cleanup(func() { postgres.Exec(t, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
}

func TestOpen_SaysWhatToDo(t *testing.T) {
	name := schema(t)
	newRole(t, "server", "")
	try := func(dsn, schema string, standby bool) error {
		s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: dsn, Schema: schema, Standby: standby})
		if err == nil {
			s.Close()
		}
		return err
	}
	wantError(t, try("postgres://ann:hushhush@host:x/db", name, false), "can't be read")
	wantError(t, try("postgres:///postgres?host=/nowhere&password=hushhush", name, false), "can't connect to PostgreSQL at /nowhere")
	wantError(t, try(postgres.DSN("nobody"), name, false), "does not exist")
	wantError(t, try(postgres.DSN("server"), "other", false), "CREATE SCHEMA \"other\" AUTHORIZATION \"server\"")
	wantError(t, try(postgres.DSN("owner"), name, true), "synchronous_standby_names")
	for setting, words := range map[string]string{
		"synchronous_commit = off":                       "set synchronous_commit = on",
		"default_transaction_read_only = on":             "read-only",
		"default_transaction_isolation = 'serializable'": "'read committed'",
	} {
		role := fmt.Sprint("set_", len(setting))
		newRole(t, role, "ALTER ROLE "+role+" SET "+setting)
		wantError(t, try(postgres.DSN(role), name, false), words)
	}

	postgres.Exec(t, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	t.Cleanup(func() { postgres.Exec(t, "DROP DATABASE latin WITH (FORCE)") })
	wantError(t, try(strings.Replace(postgres.DSN("owner"), "/postgres?", "/latin?", 1), name, false), "ENCODING 'UTF8'")
	wantError(t, try(postgres.DSN("server"), name, false), "GRANT USAGE")
	postgres.Exec(t, "GRANT USAGE ON SCHEMA "+name+" TO server; GRANT SELECT ON ALL TABLES IN SCHEMA "+name+" TO server")
	wantError(t, try(postgres.DSN("server"), name, false), "GRANT EXECUTE")
	if err := pgjournal.Migrate(t.Context(), pgjournal.Options{DSN: postgres.DSN("owner"), Schema: name}, "server"); err != nil {
		t.Fatal(err)
	}
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: postgres.DSN("server"), Schema: name})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit(t, s, said("r", "1", "1"))

	postgres.Exec(t, "UPDATE "+name+".store SET version = 0")
	wantError(t, try(postgres.DSN("server"), name, false), "has version 0, and this program needs 6")
	postgres.Exec(t, "UPDATE "+name+".store SET version = 8")
	wantError(t, try(postgres.DSN("owner"), name, false), "newer")
	wantError(t, pgjournal.Migrate(t.Context(), pgjournal.Options{DSN: postgres.DSN("owner"), Schema: name}, ""), "newer")
	postgres.Exec(t, "UPDATE "+name+".store SET version = 7")
	if err := try(postgres.DSN("owner"), name, false); err != nil {
		t.Errorf("a schema that is one version ahead: %v", err)
	}
}

func TestMigrate_AtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := pgjournal.Migrate(t.Context(), pgjournal.Options{DSN: postgres.DSN("owner"), Schema: `chat "at" once's`}, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	commit(t, open(t, `chat "at" once's`), said("r", "1", "1"))
}

// What is acknowledged survives the death of the server.
func TestCommit_ServerDies(t *testing.T) {
	s := open(t, schema(t))
	commit(t, s, said("r", "1", "1"))
	b := batch(t, s, said("r", "2", "1"))
	postgres.Stop()
	if _, err := s.Commit(b); err == nil {
		t.Error("a commit without a server")
	}
	if _, err := s.Commit(b); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("no connection: %v", err)
	}
	postgres.Start()
	out, err := s.Commit(b)
	for began := time.Now(); *through != "" && errors.Is(err, journal.ErrUnavailable) && time.Since(began) < time.Minute; out, err = s.Commit(b) {
		time.Sleep(100 * time.Millisecond) // PgBouncer asks anew only after a while
	}
	if err != nil || out.Outcomes[0].Receipt.Seq != 2 {
		t.Errorf("after a restart: %+v, %v", out, err)
	}
}
