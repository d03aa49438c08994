//go:build unix

package pgjournal_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// toldIn bounds how long it takes until everybody is told that the store was rolled back, from when the server is there.
const toldIn = 6 * time.Second

// mayLose collects what a follower gets, until it is lost.
type mayLose struct {
	mu      sync.Mutex // guards entries
	entries []journal.Entry
	lost    chan journal.Lost
}

func newMayLose() *mayLose { return &mayLose{lost: make(chan journal.Lost, 1)} }

func (f *mayLose) Deliver(e journal.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = append(f.entries, e)
}

func (f *mayLose) Lost(l journal.Lost) { f.lost <- l }

func (f *mayLose) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries)
}

// cluster is nodes on one of two servers, with somebody on each who follows the room r and the feed.
type cluster struct {
	t         *testing.T
	nodes     []*shared.Journal
	followers []*mayLose
}

func newCluster(t *testing.T, dsn string, standby bool) *cluster {
	c := &cluster{t: t}
	for range 2 {
		s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: dsn, Schema: "chat", Parts: 1, Standby: standby})
		if err != nil {
			t.Fatal(err)
		}
		j, err := shared.Open(t.Context(), s, shared.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { j.Close() })
		room, feed := newMayLose(), newMayLose()
		if _, err := j.Follow("r", 0, room); err != nil {
			t.Fatal(err)
		}
		if _, err := j.FollowFeed(0, func(string) bool { return true }, feed.Deliver, feed.Lost); err != nil {
			t.Fatal(err)
		}
		c.nodes, c.followers = append(c.nodes, j), append(c.followers, room, feed)
	}
	return c
}

// say appends until it is answered.
func (c *cluster) say(node int, key string) journal.Receipt {
	c.t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		type answer struct {
			r   journal.Receipt
			err error
		}
		done := make(chan answer, 1)
		c.nodes[node].Append(c.t.Context(), journal.Entry{Room: "r", Kind: journal.Message, Key: key, From: journal.User{ID: "u"}, Body: fmt.Appendf(nil, "%q", key)},
			func(r journal.Receipt, err error) { done <- answer{r, err} })
		a := <-done
		if a.err == nil {
			return a.r
		}
		if time.Since(began) > time.Minute {
			c.t.Fatal(a.err)
		}
	}
}

func (c *cluster) wait(entries int) {
	c.t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		behind := false
		for _, f := range c.followers {
			behind = behind || f.count() < entries
		}
		if !behind {
			return
		}
		if time.Since(began) > time.Minute {
			c.t.Fatalf("not all have got %d entries", entries)
		}
	}
}

// wantRolledBack waits until everybody is told, and compares epochs and what is there. There are kept entries.
func (c *cluster) wantRolledBack(since time.Time, old journal.Receipt, kept journal.Seq) {
	c.t.Helper()
	for i, f := range c.followers {
		select {
		case l := <-f.lost:
			if l.Why == nil {
				c.t.Errorf("follower %d was lost for no reason", i)
			}
		case <-time.After(time.Minute):
			c.t.Fatalf("follower %d was not told", i)
		}
	}
	took := time.Since(since)
	c.t.Logf("told after %v", took)
	if took > toldIn {
		c.t.Errorf("it took %v", took)
	}
	first, second := c.say(0, "after 1"), c.say(1, "after 2")
	if first.Seq != kept+1 || second.Seq != kept+2 || first.Epoch == old.Epoch || second.Epoch != first.Epoch {
		c.t.Errorf("receipts %+v and %+v, with %d kept of the epoch %s", first, second, kept, old.Epoch)
	}
	again := newMayLose()
	start, err := c.nodes[0].Follow("r", 0, again)
	if err != nil || start.Epoch != first.Epoch || again.count() != int(kept)+2 {
		c.t.Errorf("a new following began with %+v, %v and got %d entries", start, err, again.count())
	}
}

// The primary dies, and a standby is promoted that lacks what was acknowledged: everybody is told.
func TestRollback_StandbyLags(t *testing.T) {
	primary := testpostgres.New()
	defer primary.Remove()
	standby := primary.Standby()
	defer standby.Remove()
	c := newCluster(t, testpostgres.Either("owner", primary, standby), false)
	first := c.say(0, "1")
	c.wait(1)
	if err := c.nodes[0].Records().Put(t.Context(), "mark", fmt.Appendf(nil, "\x00\\%s.7\xff", first.Epoch)); err != nil {
		t.Fatal(err)
	}
	waitReplay(t, primary, standby)
	standby.Set(t, "primary_conninfo", " ")
	standby.Exec(t, "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_wal_receiver) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$")
	for _, key := range []string{"2", "3"} {
		c.say(1, key)
	}
	c.wait(3)
	primary.Kill()
	standby.Promote(t)
	c.wantRolledBack(time.Now(), first, 1)
	now := c.say(0, "now").Epoch
	if r, err := c.nodes[1].Records().Get(t.Context(), "mark"); err != nil || string(r.Value) != "\x00\\"+now+".7\xff" {
		t.Errorf("a record that named the epoch is %q, %v, and the epoch is %s", r.Value, err, now)
	}
}

// A backup is put in the place of the primary: the same cluster with the same timeline, and everybody is told.
func TestRollback_Backup(t *testing.T) {
	primary := testpostgres.New()
	defer primary.Remove()
	var c *cluster
	setup := func() *testpostgres.Server {
		if err := pgjournal.Migrate(t.Context(), pgjournal.Options{DSN: primary.DSN("owner"), Schema: "chat", Parts: 1}, ""); err != nil {
			t.Fatal(err)
		}
		return primary.Copy()
	}
	backup := setup()
	defer backup.Remove()
	c = newCluster(t, testpostgres.Either("owner", primary, backup), false)
	first := c.say(0, "1")
	c.say(1, "2")
	c.wait(2)
	primary.Kill()
	backup.Start()
	c.wantRolledBack(time.Now(), first, 0)
}

// A backup is restored to a moment in the past, with the log that was archived since: another timeline, and everybody is told.
func TestRollback_PointInTime(t *testing.T) {
	primary := testpostgres.New("archive_mode=on", "archive_command=mkdir -p ../archive && cp %p ../archive/%f")
	defer primary.Remove()
	if err := pgjournal.Migrate(t.Context(), pgjournal.Options{DSN: primary.DSN("owner"), Schema: "chat", Parts: 1}, ""); err != nil {
		t.Fatal(err)
	}
	backup := primary.Copy("restore_command=cp "+primary.Dir+"/archive/%f %p", "recovery_target_name=moment", "recovery_target_action=promote")
	defer backup.Remove()
	c := newCluster(t, testpostgres.Either("owner", primary, backup), false)
	first := c.say(0, "1")
	c.say(1, "2")
	primary.Exec(t, "SELECT pg_create_restore_point('moment')")
	c.say(0, "3")
	c.wait(3)
	primary.Exec(t, `DO $$ DECLARE log text := pg_walfile_name(pg_switch_wal()); BEGIN
		WHILE (SELECT last_archived_wal IS NULL OR last_archived_wal < log FROM pg_stat_archiver) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$`)
	primary.Kill()
	backup.Run("touch", backup.Dir+"/data/recovery.signal")
	backup.Start()
	c.wantRolledBack(time.Now(), first, 2)
}

// sayWhileAway says the first thing while the standby hangs: nobody is shown it, and what is there can be read.
func (c *cluster) sayWhileAway(primary, standby *testpostgres.Server) journal.Receipt {
	c.t.Helper()
	standby.Freeze()
	said := make(chan journal.Receipt, 1)
	go func() { said <- c.say(0, "first") }()
	primary.Exec(c.t, waitForCommit)
	page, err := c.nodes[1].Read(c.t.Context(), journal.Query{Room: "r", Limit: 9})
	acknowledged := len(said)
	_, late := pgjournal.Open(c.t.Context(), pgjournal.Options{DSN: testpostgres.Either("owner", primary, standby), Schema: "chat", Standby: true})
	standby.Thaw()
	if late == nil || !strings.Contains(late.Error(), "no synchronous standby has confirmed") {
		c.t.Errorf("a node starts while the standby hangs: %v", late)
	}
	if err != nil || len(page.Entries) > 0 || acknowledged > 0 {
		c.t.Fatalf("without the standby %d entries are shown and %d acknowledged, %v", len(page.Entries), acknowledged, err)
	}
	return <-said
}

// inARow returns a primary and its synchronous standby, which has one of its own for when it is promoted.
func inARow(t *testing.T) (primary, standby *testpostgres.Server) {
	primary = testpostgres.New("synchronous_standby_names=near")
	t.Cleanup(primary.Remove)
	standby = primary.Standby("cluster_name=near", "synchronous_standby_names=far")
	t.Cleanup(standby.Remove)
	t.Cleanup(standby.Standby("cluster_name=far").Remove)
	primary.Exec(t, waitForStandby)
	return primary, standby
}

// The primary is killed under load and its synchronous standby promoted: nothing that was acknowledged is lost, the
// epoch stays, and nobody is lost.
func TestMove_SynchronousStandby(t *testing.T) {
	primary, standby := inARow(t)
	c := newCluster(t, testpostgres.Either("owner", primary, standby), true)
	first := c.sayWhileAway(primary, standby)
	const writers, each = 4, 60
	var wg sync.WaitGroup
	receipts := make([][]journal.Receipt, writers)
	half := make(chan struct{}, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if i == each/2 {
					half <- struct{}{}
				}
				receipts[w] = append(receipts[w], c.say(w%2, fmt.Sprint(w, " ", i)))
			}
		})
	}
	<-half
	primary.Kill()
	killed := time.Now()
	standby.Promote(t)
	promoted := time.Now()
	wg.Wait()
	t.Logf("promoted after %v, all answered %v later", promoted.Sub(killed), time.Since(promoted))
	c.wait(1 + writers*each)
	page, err := c.nodes[1].Read(t.Context(), journal.Query{Room: "r", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Entries) != 1+writers*each || page.Epoch != first.Epoch {
		t.Errorf("there are %d entries of the epoch %s, want %d of %s", len(page.Entries), page.Epoch, 1+writers*each, first.Epoch)
	}
	for w := range receipts {
		for i, r := range receipts[w] {
			if e := page.Entries[r.Seq-1]; e.Key != fmt.Sprint(w, " ", i) || r.Epoch != first.Epoch {
				t.Errorf("%d %d was acknowledged with %+v, and there is %q", w, i, r, e.Key)
			}
		}
	}
	for i, f := range c.followers {
		if n := f.count(); n != 1+writers*each || len(f.lost) > 0 {
			t.Errorf("follower %d got %d entries and was lost %d times", i, n, len(f.lost))
		}
	}
}

// A schema that was dumped and restored into another server goes on in another epoch.
func TestMove_OtherServer(t *testing.T) {
	name := schema(t)
	j := node(t, name, shared.Options{})
	c := &cluster{t: t, nodes: []*shared.Journal{j.(*shared.Journal)}}
	first := c.say(0, "1")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	postgres.Exec(t, "UPDATE "+name+".store SET server = 'another one'")
	j = node(t, name, shared.Options{})
	defer j.Close()
	c.nodes[0] = j.(*shared.Journal)
	if r := c.say(0, "2"); r.Seq != first.Seq+1 || r.Epoch == first.Epoch {
		t.Errorf("receipts %+v and %+v", first, r)
	}
}
