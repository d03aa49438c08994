//go:build unix

package pgjournal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// heardBy notes in which order a follower got entries.
type heardBy struct {
	mu   sync.Mutex // guards keys
	keys []string
}

func (h *heardBy) Deliver(e journal.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys = append(h.keys, e.Key)
}

func (h *heardBy) Lost(journal.Lost) {}

func (h *heardBy) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.keys)
}

// Two nodes work through PgBouncer, which makes the schema too: in session mode as without it; in transaction mode with an address
// to listen at, and without one later. What is missing is said in words.
func TestPooler_Works(t *testing.T) {
	pooler := postgres.Pooler()
	defer pooler.Remove()
	const jit, unheard = "SET jit = off", "option listen"
	for _, test := range []struct {
		name, mode, listen string
		warnings           []string
	}{
		{"session", "session", "", nil},
		{"transaction", "transaction", postgres.DSN("owner"), nil},
		{"transaction without listen", "transaction", "", []string{unheard}},
		{"only listen through it", "", pooler.DSN("owner", "transaction"), []string{unheard}},
	} {
		name := "chat " + test.name
		defer postgres.Exec(t, `DROP SCHEMA IF EXISTS "`+name+`" CASCADE`) // the server serves all tests
		t.Run(test.name, func(t *testing.T) {
			o := pgjournal.Options{DSN: pooler.DSN("owner", test.mode), Listen: test.listen, Schema: name, Parts: 2}
			if test.mode == "" {
				o.DSN = postgres.DSN("owner")
			}
			if err := pgjournal.Migrate(t.Context(), o, ""); err != nil {
				t.Fatal(err)
			}
			useThrough(t, o, test.warnings)
		})
	}
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: pooler.DSN("owner", "bare"), Listen: postgres.DSN("owner"), Schema: "chat session"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Warnings(); len(got) != 1 || !strings.Contains(got[0], jit) {
		t.Errorf("warnings %q", got)
	}
	_, err = pgjournal.Open(t.Context(), pgjournal.Options{DSN: pooler.DSN("owner", "statement"), Schema: "chat session"})
	wantError(t, err, "allows no transactions")
	_, err = pgjournal.Open(t.Context(), pgjournal.Options{DSN: pooler.DSN("owner", "session") + "&lock_timeout=2s", Schema: "chat session"})
	wantError(t, err, "ignore_startup_parameters")
}

// A commit that waits for its standby is cancelled neither by its node, whose connection breaks, nor by PgBouncer, whose client goes: it would
// be recorded, and shown, without the standby.
func TestCommit_IsNotCancelled(t *testing.T) {
	t.Run("direct", func(t *testing.T) {
		dir, cut := cutter(t)
		o := pgjournal.Options{DSN: strings.ReplaceAll(postgres.DSN("owner"), postgres.Dir, dir)}
		notCancelled(t, o, postgres.DSN("owner"), func(*pgjournal.Store) { cut() })
	})
	t.Run("PgBouncer", func(t *testing.T) {
		pooler := postgres.Pooler()
		defer pooler.Remove()
		notCancelled(t, pgjournal.Options{DSN: pooler.DSN("owner", "transaction"), Listen: postgres.DSN("owner")}, pooler.DSN("owner", "session"), func(s *pgjournal.Store) { s.Close() })
	})
}

// cutter stands before PostgreSQL, in a directory. cut breaks all connections through it; new ones are taken.
func cutter(t *testing.T) (dir string, cut func()) {
	dir = t.TempDir()
	const name = "/.s.PGSQL.5432"
	l, err := net.Listen("unix", dir+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", postgres.Dir+name)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, client)
			mu.Unlock()
			go func() { _, _ = io.Copy(server, client) }() // the server does not hear of a cut
			go func() { _, _ = io.Copy(client, server); client.Close() }()
		}
	}()
	return dir, func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	}
}

// notCancelled lets a node go that waits. At dsn is seen what becomes of its commit.
func notCancelled(t *testing.T, o pgjournal.Options, dsn string, gone func(*pgjournal.Store)) {
	name := schema(t)
	o.Schema = name
	s, err := pgjournal.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	through, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer through.Close(t.Context())
	count := func(sql string) (n int) {
		t.Helper()
		if err := through.QueryRow(t.Context(), sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	b := batch(t, s, said("r", "k", `"1"`))
	postgres.Set(t, "synchronous_standby_names", "nobody")
	defer postgres.Set(t, "synchronous_standby_names", "") // then it ends
	done := make(chan error, 1)
	go func() { _, err := s.Commit(b); done <- err }()
	for count(waiting) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	gone(s)
	if err := <-done; !errors.Is(err, journal.ErrUncertain) {
		t.Errorf("commit: %v", err)
	}
	for range 20 { // whoever would cancel it has heard of it before this is answered
		time.Sleep(5 * time.Millisecond)
		if n, seen := count(waiting), count("SELECT count(*) FROM "+name+".entry"); n != 1 || seen != 0 {
			t.Fatalf("%d commits wait, and %d entries are seen", n, seen)
		}
	}
}

// useThrough lets two nodes do everything at the same time.
func useThrough(t *testing.T, o pgjournal.Options, warnings []string) {
	var nodes []*shared.Journal
	for range 2 {
		s, err := pgjournal.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		j, err := shared.Open(t.Context(), s, shared.Options{Retention: func(string) journal.Retention { return journal.Retention{Count: 1000} }})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		nodes = append(nodes, j)
		got := j.Warnings()
		if len(got) != len(warnings) {
			t.Errorf("warnings %q, want %q", got, warnings)
		}
		for i := range min(len(got), len(warnings)) {
			if !strings.Contains(got[i], warnings[i]) {
				t.Errorf("warnings %q, want %q", got, warnings)
			}
		}
	}
	const rooms, each, at = 2, 6, 3 // at is how many append at the same time on each node
	heard := make([]*heardBy, 2*rooms)
	for i := range heard {
		heard[i] = &heardBy{}
		if _, err := nodes[i%2].Follow(fmt.Sprint("room ", i/2), 0, heard[i]); err != nil {
			t.Fatal(err)
		}
	}
	var working sync.WaitGroup
	for n, j := range nodes {
		for g := range at {
			working.Go(func() {
				for i := range each {
					key := fmt.Sprint(n, " ", g, " ", i)
					done := make(chan error, 1)
					j.Append(t.Context(), journal.Entry{Room: fmt.Sprint("room ", i%rooms), Kind: journal.Message, From: journal.User{ID: "u"}, Key: key, Body: []byte("1")},
						func(_ journal.Receipt, err error) { done <- err })
					if err := <-done; err != nil {
						t.Errorf("append: %v", err)
					}
				}
			})
			working.Go(func() {
				for range each {
					useAll(t, j)
				}
			})
		}
	}
	working.Wait()
	for i, h := range heard {
		for began := time.Now(); len(h.all()) < 2*at*each/rooms; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > time.Minute {
				t.Fatalf("follower %d has heard %d entries", i, len(h.all()))
			}
		}
	}
	for i := range rooms {
		if a, b := heard[2*i].all(), heard[2*i+1].all(); !slices.Equal(a, b) {
			t.Errorf("two nodes have heard %q and %q", a, b)
		}
	}
	if r, err := nodes[0].Records().Get(t.Context(), "n/counter"); err != nil || string(r.Value) != fmt.Sprint(2*at*each) {
		t.Errorf("the counter is %s, %v", r.Value, err)
	}
}

// useAll calls what a node reads with.
func useAll(t *testing.T, j *shared.Journal) {
	ctx := context.Background()
	for what, call := range map[string]func() error{
		"Heads":     func() error { _, err := j.Heads(ctx, []string{"room 0", "room 1"}); return err },
		"Read":      func() error { _, err := j.Read(ctx, journal.Query{Room: "room 0", Limit: 5}); return err },
		"Find":      func() error { _, err := j.Find(ctx, "room 0", "u", "0 0 0"); return err },
		"Feed":      func() error { _, err := j.Feed(ctx, journal.FeedQuery{Limit: 5}); return err },
		"Positions": func() error { _, err := j.Positions(ctx); return err },
		"Enforce":   func() error { return j.Enforce(ctx) },
		"List":      func() error { _, err := j.Nodes().List(ctx); return err },
		"Scan":      func() error { return j.Records().Scan(ctx, "n/", func(journal.Record) error { return nil }) },
		"Stats":     func() error { j.Stats(); return nil },
		"Update": func() error {
			return j.Records().Update(ctx, "n/counter", func(old []byte) ([]byte, error) {
				n := 0
				_, _ = fmt.Sscan(string(old), &n)
				return fmt.Append(nil, n+1), nil
			})
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
