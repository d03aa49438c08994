package tester

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// FeedReader reads all parts of the feed and checks every page.
type FeedReader struct {
	t       *T
	Query   journal.FeedQuery  // Limit and Bytes
	After   []journal.Position // by part: what was read
	epoch   string
	Entries []journal.Entry
	Missing []journal.Missing
}

// FeedBehind returns a reader of what is behind these positions.
func (t *T) FeedBehind(after []journal.Position) *FeedReader {
	return &FeedReader{t: t, Query: journal.FeedQuery{Limit: 100}, After: slices.Clone(after[:t.J.Parts()])}
}

// Feed returns a reader of the whole feed, which has read everything there is now.
func (t *T) Feed() *FeedReader {
	t.Helper()
	f := t.FeedBehind(make([]journal.Position, t.J.Parts()))
	f.Read()
	return f
}

// Read reads on until each part has no more for now.
func (f *FeedReader) Read() {
	f.t.Helper()
	for part := range f.After {
		for f.page(part) {
		}
	}
}

// page reads one page, and reports whether there is more.
func (f *FeedReader) page(part int) bool {
	f.t.Helper()
	q := f.Query
	q.Part, q.After = part, f.After[part]
	page, err := f.t.J.Feed(Background, q)
	if err != nil {
		f.t.Fatalf("Feed(%+v): %v", q, err)
	}
	if f.epoch == "" {
		f.epoch = page.Epoch
	}
	if page.Epoch != f.epoch || page.Epoch == "" || page.First > page.Last || page.Next < q.After || page.Next > page.Last || page.Next == q.After && page.Next < page.Last {
		f.t.Fatalf("Feed(%+v): First %d, Next %d, Last %d, epoch %q", q, page.First, page.Next, page.Last, page.Epoch)
	}
	size, last := 0, max(q.After, page.First)
	for _, e := range page.Entries {
		if size += e.Size(); e.Position <= last || e.Position > page.Next || f.t.J.Part(e.Room) != part || !e.Kind.Recorded() || e.Epoch == "" {
			f.t.Fatalf("Feed(%+v): behind position %d comes %+v", q, last, e)
		}
		last = e.Position
	}
	if n := len(page.Entries); n > q.Limit || q.Bytes > 0 && n > 1 && size > q.Bytes {
		f.t.Fatalf("Feed(%+v): %d entries with %d bytes", q, n, size)
	}
	f.After[part] = page.Next
	f.Entries, f.Missing = append(f.Entries, page.Entries...), append(f.Missing, page.Missing...)
	return page.Next < page.Last
}

// Seen returns how often each entry was in the feed, by room, epoch and number.
// Missing ones have no epoch.
func (f *FeedReader) Seen() map[string]int {
	seen := map[string]int{}
	for _, e := range f.Entries {
		seen[fmt.Sprint(e.Room, " ", e.Seq)]++
	}
	for _, m := range f.Missing {
		for seq := m.From; seq <= m.To; seq++ {
			seen[fmt.Sprint(m.Room, " ", seq)]++
		}
	}
	return seen
}

// CheckFeed checks that the feed has all entries of rooms whose numbers began with 1:
// those that are kept as they are read, the others as missing ones.
func (t *T) CheckFeed(rooms ...string) {
	t.Helper()
	seen := t.CheckKeptInFeed(rooms...)
	for _, room := range rooms {
		page := t.Read(journal.Query{Room: room})
		for seq := journal.Seq(1); seq <= page.Last; seq++ {
			if n := seen[fmt.Sprint(room, " ", seq)]; n != 1 {
				t.Fatalf("entry %d of %q, of %d to %d, is %d times in the feed", seq, room, page.First, page.Last, n)
			}
		}
	}
}

// CheckKeptInFeed checks that the feed has the entries of these rooms that are kept, as
// they are read, except for those from before there was a feed. It returns what the
// feed has, as FeedReader.Seen.
func (t *T) CheckKeptInFeed(rooms ...string) map[string]int {
	t.Helper()
	f := t.Feed()
	byRoom := map[string][]journal.Entry{}
	for _, e := range f.Entries {
		byRoom[e.Room] = append(byRoom[e.Room], e)
	}
	for _, room := range rooms {
		epoch, got := t.Read(journal.Query{Room: room}).Epoch, byRoom[room]
		for _, want := range t.All(room) {
			if want.Position == 0 {
				continue
			}
			if len(got) == 0 {
				t.Fatalf("the feed lacks entry %d of %q", want.Seq, room)
			}
			want.Epoch = epoch
			t.CheckSame("in the feed", got[0], want)
			got = got[1:]
		}
		if len(got) > 0 {
			t.Fatalf("the feed has %+v, which is not kept", got[0])
		}
	}
	return f.Seen()
}

// Positions returns the newest positions of the parts and that of Update.
func (t *T) Positions() []journal.Position {
	t.Helper()
	p, err := t.J.Positions(Background)
	if err != nil || len(p) != t.J.Parts()+1 {
		t.Fatalf("Positions: %d of %d parts and 1, %v", len(p), t.J.Parts(), err)
	}
	return p
}

// FeedFollower follows a part of the feed and checks every call.
type FeedFollower struct {
	*calls[journal.Entry]
	MayLose bool // the end of the following is expected
	lost    *calls[journal.Lost]
	Stop    func()
}

// FollowFeed follows a part of the feed until the test ends.
func (t *T) FollowFeed(part int, wants func(room string) bool) *FeedFollower {
	t.Helper()
	what := fmt.Sprint("a follower of part ", part, " of the feed")
	l := &FeedFollower{calls: newCalls[journal.Entry](t, what), lost: newCalls[journal.Lost](t, "lost of "+what)}
	var last journal.Position
	stop, err := t.J.FollowFeed(part, wants, func(e journal.Entry) {
		l.call(e, func(journal.Entry) {
			if e.Position <= last || e.Epoch == "" || t.J.Part(e.Room) != part || !e.Kind.Recorded() {
				t.Errorf("behind position %d of part %d, %+v was delivered", last, part, e)
			}
			last = e.Position
			t.checkVisible(e)
		})
	}, func(lost journal.Lost) {
		if !l.MayLose && !errors.Is(lost.Why, journal.ErrClosed) {
			t.Errorf("a follower of the feed was lost: %v", lost.Why)
		}
		l.End()
		l.lost.call(lost, nil)
		l.lost.End()
	})
	if err != nil {
		t.Fatalf("FollowFeed(%d): %v", part, err)
	}
	l.Stop = l.stopper(stop)
	return l
}

// UntilLost waits until the following ends.
func (l *FeedFollower) UntilLost() journal.Lost {
	l.T.Helper()
	return l.lost.Wait(1)[0]
}

// EveryRoom is for FollowFeed.
func EveryRoom(string) bool { return true }

// FollowParts follows all parts of the feed.
func (t *T) FollowParts() []*FeedFollower {
	t.Helper()
	var list []*FeedFollower
	for part := range t.J.Parts() {
		list = append(list, t.FollowFeed(part, EveryRoom))
	}
	return list
}

// CheckJoined checks that what followers were told, and what f had read after they
// began, is everything together. Nobody may append meanwhile.
func (f *FeedReader) CheckJoined(followers []*FeedFollower) {
	f.t.Helper()
	read := map[string]bool{}
	place := func(e journal.Entry) string { return fmt.Sprint(f.t.J.Part(e.Room), " ", e.Position) }
	for _, e := range f.Entries {
		read[place(e)] = true
	}
	end := f.t.Positions()
	for part, l := range followers {
		if end[part] <= f.After[part] {
			continue
		}
		for _, e := range l.Until(func(got []journal.Entry) bool { return len(got) > 0 && got[len(got)-1].Position >= end[part] }) {
			read[place(e)] = true
		}
	}
	for _, e := range f.t.Feed().Entries {
		if !read[place(e)] {
			f.t.Fatalf("entry %d of %q is neither in what was read nor in what was followed", e.Seq, e.Room)
		}
	}
}
