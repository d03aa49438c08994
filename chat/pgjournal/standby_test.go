//go:build unix

package pgjournal_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// The primary dies with something in its log that the standby never got, and comes back: nobody is shown that, not even
// while no other server is there. Then the standby is promoted beside it: the nodes go there by themselves.
func TestMove_PrimaryThatComesBack_ShowsNothingThatItsStandbyLacks(t *testing.T) {
	t.Run("killed", func(t *testing.T) {
		comesBack(t, func(primary *testpostgres.Server) {
			primary.Kill()
			primary.Start()
		})
	})
	t.Run("one process crashed", func(t *testing.T) {
		comesBack(t, func(primary *testpostgres.Server) { primary.Crash(t) })
	})
}

func comesBack(t *testing.T, back func(primary *testpostgres.Server)) {
	primary, standby := inARow(t)
	c := newCluster(t, testpostgres.Either("owner", primary, standby), true)
	first := c.say(0, "first")
	c.wait(1)
	standby.Set(t, "primary_conninfo", " ")
	standby.Exec(t, "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_wal_receiver) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$")
	said := make(chan journal.Receipt, 1)
	go func() { said <- c.say(0, "second") }()
	primary.Exec(t, waitForCommit)
	back(primary)
	primary.Exec(t, "DO $$ BEGIN IF (SELECT max(seq) FROM chat.entry) <> 2 THEN RAISE 'it holds nothing that its standby lacks'; END IF; END $$")
	for began := time.Now(); time.Since(began) < 2500*time.Millisecond; time.Sleep(20 * time.Millisecond) { // a node that polls would find it within a second
		page, err := c.nodes[1].Read(t.Context(), journal.Query{Room: "r", Limit: 9})
		if err == nil && len(page.Entries) != 1 || c.followers[2].count() != 1 || len(said) > 0 {
			t.Fatalf("%d entries can be read, %d were shown, and %d acknowledged; the standby has one", len(page.Entries), c.followers[2].count(), len(said))
		}
	}
	standby.Promote(t)
	if second := <-said; second.Seq != 2 || second.Epoch != first.Epoch {
		t.Errorf("receipts %+v and %+v", first, second)
	}
	c.wait(2)
	for i, f := range c.followers {
		if f.count() != 2 || len(f.lost) > 0 {
			t.Errorf("follower %d got %d entries and was lost %d times", i, f.count(), len(f.lost))
		}
	}
}

// A commit that waits for the standby is given up, as when the first process of the primary dies: PostgreSQL shows it, and
// the nodes don't, by whatever it is asked for, until the standby has it.
func TestStandby_CommitThatWasGivenUp_IsNotShown(t *testing.T) {
	primary := testpostgres.New()
	defer primary.Remove()
	standby := primary.Standby("cluster_name=near")
	defer standby.Remove()
	primary.Set(t, "synchronous_standby_names", "near")
	primary.Exec(t, waitForStandby)
	c := newCluster(t, primary.DSN("owner"), true)
	first := c.say(0, "first")
	c.wait(1)
	told := make(chan string, 9)
	stop, err := c.nodes[1].Records().Watch("w/", func(r journal.Record) { told <- string(r.Value) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	reader := c.nodes[1]
	positions, err := reader.Positions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Records().Put(t.Context(), "x/1", []byte("was")); err != nil {
		t.Fatal(err)
	}
	store, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: primary.DSN("owner"), Schema: "chat", Standby: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Marks(t.Context(), shared.Standing{}); err != nil {
		t.Fatal(err)
	}
	// Each returns what is seen of the first entry alone, and of both.
	doors := []struct {
		name  string
		read  func(ctx context.Context) (any, error)
		first any
		both  any
	}{
		{"page", func(ctx context.Context) (any, error) {
			p, err := reader.Read(ctx, journal.Query{Room: "r", Limit: 9})
			return len(p.Entries), err
		}, 1, 2},
		{"heads", func(ctx context.Context) (any, error) {
			h, err := reader.Heads(ctx, []string{"r"})
			if err != nil {
				return nil, err
			}
			return int(h[0].Last), nil
		}, 1, 2},
		{"key", func(ctx context.Context) (any, error) {
			r, err := reader.Find(ctx, "r", "u", "second")
			return int(r.Seq), err
		}, 0, 2},
		{"positions", func(ctx context.Context) (any, error) {
			p, err := reader.Positions(ctx)
			return err == nil && p[0] == positions[0], err
		}, true, false},
		{"feed", func(ctx context.Context) (any, error) {
			p, err := reader.Feed(ctx, journal.FeedQuery{Limit: 9})
			return len(p.Entries), err
		}, 1, 2},
		{"rows", func(ctx context.Context) (any, error) {
			rows, err := store.Rows(ctx, []uint64{0}, 9)
			return len(rows), err
		}, 1, 2},
		{"head that is to be there", func(ctx context.Context) (any, error) {
			_, row, err := store.Begin(ctx, "r", 0)
			return int(row), err
		}, 1, 2},
		{"record", func(ctx context.Context) (any, error) {
			list, err := store.GetMany(ctx, []string{"w/1"})
			if err != nil {
				return nil, err
			}
			return string(list[0].Value), nil
		}, "", "set"},
		{"record that is deleted", func(ctx context.Context) (any, error) {
			list, err := store.GetMany(ctx, []string{"w/1", "x/1"})
			if err != nil {
				return nil, err
			}
			return string(list[1].Value), nil
		}, "was", ""},
		{"changes", func(ctx context.Context) (any, error) {
			list, err := store.Changes(ctx, 0, 9)
			return len(list), err
		}, 1, 3},
	}
	standby.Freeze()
	defer standby.Thaw()
	said, put := make(chan journal.Receipt, 1), make(chan error, 2)
	go func() { said <- c.say(0, "second") }()
	go func() { put <- c.nodes[0].Records().Put(t.Context(), "w/1", []byte("set")) }()
	go func() { put <- c.nodes[0].Records().Put(t.Context(), "x/1", nil) }()
	primary.Exec(t, waitForCommit)
	primary.Exec(t, `DO $$ BEGIN WHILE (SELECT coalesce(max(seq), 0) FROM chat.entry) < 2 OR (SELECT array_agg(key) <> ARRAY['w/1'::bytea] FROM chat.record WHERE key IN ('w/1', 'x/1')) LOOP
		PERFORM pg_terminate_backend(pid), pg_sleep(0.01), pg_stat_clear_snapshot() FROM pg_stat_activity WHERE wait_event = 'SyncRep'; END LOOP; END $$`)
	answered := 0
	for began, k := time.Now(), 0; time.Since(began) < 2500*time.Millisecond; k++ { // a node that polls would find it within a second
		select {
		case err := <-put:
			if answered++; !errors.Is(err, journal.ErrUncertain) {
				t.Errorf("a change of a record, which the standby lacks, was answered with %v", err)
			}
		default:
		}
		d := doors[k%len(doors)] // each some times
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		got, err := d.read(ctx)
		cancel()
		if err == nil && got != d.first {
			t.Fatalf("%s: %v was read while the standby lacks the second entry", d.name, got)
		}
		if c.followers[2].count() != 1 || c.followers[3].count() != 1 || len(said) > 0 || len(told) > 0 {
			t.Fatalf("%d entries were shown in the room and %d in the feed, %d acknowledged, %d changes of records told", c.followers[2].count(), c.followers[3].count(), len(said), len(told))
		}
	}
	standby.Thaw()
	if second := <-said; second.Seq != 2 || second.Epoch != first.Epoch {
		t.Errorf("receipts %+v and %+v", first, second)
	}
	for ; answered < cap(put); answered++ { // one that was not sent when its connection ended is sent again
		if err := <-put; err != nil && !errors.Is(err, journal.ErrUncertain) {
			t.Errorf("a change of a record, whose connection was ended, was answered with %v", err)
		}
	}
	if value := <-told; value != "set" {
		t.Errorf("told of %q", value)
	}
	c.wait(2)
	for _, d := range doors {
		if got, err := d.read(t.Context()); err != nil || got != d.both {
			t.Errorf("%s: %v, %v once the standby has it", d.name, got, err)
		}
	}
	for i, f := range c.followers {
		if f.count() != 2 || len(f.lost) > 0 {
			t.Errorf("follower %d got %d entries and was lost %d times", i, f.count(), len(f.lost))
		}
	}
	primary.Set(t, "synchronous_standby_names", "")
	wantRefused(t, store, ways(t, store), "no synchronous standby")
}

// waitForStandby waits until a server has a synchronous standby.
const waitForStandby = `DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync') LOOP
	PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$`

// waitForCommit waits until a commit waits for its standby.
const waitForCommit = `DO $$ BEGIN FOR i IN 1..1000 LOOP EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep');
	PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$`

// waitReplay waits until a standby has all that its primary has.
func waitReplay(t *testing.T, primary, standby *testpostgres.Server) {
	t.Helper()
	primary.Exec(t, `DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn()) LOOP
		PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$`)
}
