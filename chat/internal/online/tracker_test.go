package online

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

const away = 30 * time.Second

// node is a hub's part of this package.
type node struct {
	*Tracker
	events *events.Events
	here   []string
}

func newNode(t *testing.T, j journal.Journal, away time.Duration, here ...string) *node {
	n := &node{events: events.New(j, zap.NewNop(), timing.New(context.Background())), here: here}
	n.events.Configure([]string{events.Online, events.Offline})
	n.Tracker = New(Config{
		Journal: j, Events: n.events, Log: zap.NewNop(), Away: func() time.Duration { return away },
		Users: func(each func(string)) {
			for _, id := range n.here {
				each(id)
			}
		},
	})
	n.Configure(true)
	return n
}

func (n *node) close() { n.Tracker.Close(); n.events.Close() }

// toldIn returns what backends hear: "+u7 0s" if the user has come online at that time.
func toldIn(t *testing.T, j journal.Journal, since time.Time) string {
	t.Helper()
	page, err := j.Feed(t.Context(), journal.FeedQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i := range page.Entries {
		e := &page.Entries[i]
		head, ok := events.HeadOf(e)
		if !ok {
			continue
		}
		sign := map[string]string{events.Online: "+", events.Offline: "-"}[head.Type]
		list = append(list, fmt.Sprintf("%s%s %v", sign, head.User, time.UnixMilli(e.At).Sub(since).Round(time.Second)))
	}
	return strings.Join(list, ", ")
}

// kept returns whom the records say to be online, and of what they were told.
func kept(t *testing.T, j journal.Journal) (list []string) {
	t.Helper()
	err := j.Records().ScanMany(t.Context(), []string{prefix, "told\x00"}, func(n int, r journal.Record) error {
		_, user := split(r.Key)
		list = append(list, [2]string{"online ", "told "}[n]+user)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What happens to a user at which second, and what backends hear when.
func TestTracker_TellsAtMostOnceIn30Seconds(t *testing.T) {
	for name, c := range map[string]struct {
		away time.Duration
		does string // comes (+) and goes (-), at seconds
		want string
	}{
		"comes and stays":               {away, "+0", "+u7 0s"},
		"goes after away":               {away, "+0 -100", "+u7 0s, -u7 2m10s"},
		"is back before that":           {away, "+0 -100 +129", "+u7 0s"},
		"is back after that":            {away, "+0 -100 +131", "+u7 0s, -u7 2m10s, +u7 2m40s"},
		"comes and goes at once":        {away, "+0 -0", "+u7 0s, -u7 30s"},
		"no away: not within 30 s":      {0, "+0 -1", "+u7 0s, -u7 30s"},
		"no away: the last state":       {0, "+0 -1 +2 -3 +4 -5 +6", "+u7 0s"},
		"no away: gone for good":        {0, "+0 -1 +2 -3", "+u7 0s, -u7 30s"},
		"was here for a moment":         {0, "+0 -100 +110 -112", "+u7 0s, -u7 1m40s, -u7 2m10s"},
		"flaps for ever":                {0, "+0 -10 +20 -30 +41 -50 +61 -70 +80", "+u7 0s, -u7 30s, -u7 1m0s, +u7 1m30s"},
		"comes long after it was told":  {away, "+0 -100 +1000", "+u7 0s, -u7 2m10s, +u7 16m40s"},
		"goes for good after the flaps": {away, "+0 -1 +2 -3 +4 -5", "+u7 0s, -u7 35s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := memjournal.New(memjournal.Options{})
				defer j.Close()
				n := newNode(t, j, c.away)
				defer n.close()
				began := time.Now()
				for step := range strings.FieldsSeq(c.does) {
					var at int
					fmt.Sscan(step[1:], &at)
					time.Sleep(time.Until(began.Add(time.Duration(at) * time.Second)))
					synctest.Wait()
					if step[0] == '+' {
						n.Came("u7")
					} else {
						n.Went("u7")
					}
				}
				time.Sleep(time.Hour)
				if got := toldIn(t, j, began); got != c.want {
					t.Errorf("got %s\nwant %s", got, c.want)
				}
				n.mu.Lock()
				defer n.mu.Unlock()
				if u := n.users["u7"]; u != nil && !u.here {
					t.Error("a user who has gone is still known")
				}
			})
		})
	}
}

// Who was online when a node died, and does not come back, is told to be offline.
func TestTracker_Crash_TheNextStartTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		j := store.Open()
		first := newNode(t, j, away)
		first.Came("ann")
		first.Came("ben")
		synctest.Wait()
		first.close()
		j.Close()
		began := time.Now()
		j = store.Open()
		defer j.Close()
		second := newNode(t, j, away)
		defer second.close()
		time.Sleep(time.Second)
		second.Came("ben")
		time.Sleep(time.Hour)
		if got := toldIn(t, j, began); got != "+ann 0s, +ben 0s, +ben 1s, -ann 30s" {
			t.Error(got)
		}
		if got := kept(t, j); !slices.Equal(got, []string{"online ben"}) {
			t.Errorf("kept %q", got)
		}
	})
}

// The same with the journal on a disk, and without the order of fake time.
func TestTracker_Crash_Pebble(t *testing.T) {
	dir := t.TempDir()
	open := func() journal.Journal {
		j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	ages := regexp.MustCompile(` -?[0-9][^,]*`) // beside load seconds pass
	await := func(j journal.Journal, want string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			got := ages.ReplaceAllString(toldIn(t, j, time.Now()), "")
			if got == want {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
	}
	j := open()
	n := newNode(t, j, 0)
	n.Came("ann")
	await(j, "+ann")
	n.close()
	j.Close()
	j = open()
	defer j.Close()
	n = newNode(t, j, 0)
	defer n.close()
	await(j, "+ann, -ann")
	if got := kept(t, j); len(got) > 0 {
		t.Errorf("kept %q", got)
	}
}

// On two nodes a user is online as long as on one of them; a node that dies is told of by
// the other.
func TestTracker_TwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		j1, j2 := store.Open(), store.Open()
		defer j2.Close()
		one, two := newNode(t, j1, away), newNode(t, j2, away)
		defer two.close()
		began := time.Now()
		one.Came("ann")
		one.Came("ben")
		synctest.Wait()
		two.Came("ann")
		time.Sleep(time.Minute)
		if off, err := two.Offline(t.Context(), []string{"ann", "ben", "cid"}); err != nil || !slices.Equal(off, []string{"cid"}) {
			t.Errorf("%q are offline, %v", off, err)
		}
		one.Went("ann")
		time.Sleep(time.Minute)
		if got := toldIn(t, j2, began); strings.Contains(got, "-") {
			t.Error(got)
		}
		two.Went("ann")
		time.Sleep(time.Minute)
		if got := toldIn(t, j2, began); strings.Count(got, "-ann") != 1 || !strings.HasSuffix(got, "-ann 2m30s") {
			t.Error(got)
		}
		one.close()
		j1.Close()
		time.Sleep(time.Hour)
		if got := toldIn(t, j2, began); strings.Count(got, "-ben") != 1 {
			t.Error(got)
		}
		if got := kept(t, j2); len(got) > 0 {
			t.Errorf("kept %q", got)
		}
	})
}

// Both nodes lose a user at the same moment: it is told that the user is offline.
func TestTracker_TwoNodes_GoneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		j1, j2 := store.Open(), store.Open()
		defer j1.Close()
		defer j2.Close()
		one, two := newNode(t, j1, away), newNode(t, j2, away)
		defer one.close()
		defer two.close()
		one.Came("ann")
		two.Came("ann")
		time.Sleep(time.Minute)
		one.Went("ann")
		two.Went("ann")
		time.Sleep(time.Hour)
		got := strings.Split(toldIn(t, j2, time.Now()), ", ")
		if !strings.HasPrefix(got[len(got)-1], "-ann") || len(kept(t, j2)) > 0 {
			t.Errorf("told %q, kept %q", got, kept(t, j2))
		}
	})
}

// While nobody asks, nothing is written; whoever asks later hears of all who are here.
func TestTracker_OnlyWhereAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		began := time.Now()
		n := newNode(t, j, away, "ann", "ben")
		defer n.close()
		n.Configure(false)
		n.Came("ann")
		n.Came("ben")
		time.Sleep(time.Minute)
		if got := toldIn(t, j, began); got != "" {
			t.Error(got)
		}
		n.Configure(true)
		time.Sleep(time.Minute)
		n.Configure(false)
		n.here = []string{"ben"}
		n.Went("ann")
		time.Sleep(time.Minute)
		n.Configure(true)
		time.Sleep(time.Hour)
		if got := toldIn(t, j, began); got != "+ann 1m0s, +ben 1m0s, -ann 3m30s" {
			t.Error(got)
		}
	})
}

// What the journal does not take is told when it does.
func TestTracker_DiskFull_IsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &full{Journal: memjournal.New(memjournal.Options{})}
		defer j.Close()
		began := time.Now()
		n := newNode(t, j, away)
		defer n.close()
		j.full.Store(true)
		n.Came("ann")
		time.Sleep(100 * time.Second)
		j.full.Store(false)
		time.Sleep(time.Minute)
		if got := toldIn(t, j, began); got != "+ann 2m0s" {
			t.Error(got)
		}
		if _, dropped := n.events.Counts(); dropped != 4 {
			t.Errorf("%d were dropped", dropped)
		}
	})
}

type full struct {
	journal.Journal
	full atomic.Bool
}

func (f *full) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if f.full.Load() {
		done(journal.Receipt{}, journal.ErrUnavailable)
		return
	}
	f.Journal.Append(ctx, e, done)
}

// With each event about a user, what they were told of missed messages is forgotten.
func TestTracker_ForgetsWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		n := newNode(t, j, away)
		defer n.close()
		for i := range maxTold + 10 {
			with := []journal.Record{{Key: ToldKey("ann", fmt.Sprint("g-", i)), Value: []byte("1")}}
			n.events.WriteWith(events.Event{Type: events.Missed, Room: "g-1"}, with, nil)
		}
		n.events.WriteWith(events.Event{Type: events.Missed, Room: "g-1"}, []journal.Record{{Key: ToldKey("ann2", "g-1"), Value: []byte("1")}}, nil)
		synctest.Wait()
		n.Came("ann")
		time.Sleep(time.Minute)
		if got := kept(t, j); !slices.Equal(got, []string{"online ann", "told ann2\x00g-1"}) {
			t.Errorf("kept %q", got)
		}
	})
}
