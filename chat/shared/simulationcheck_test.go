package shared_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// reader follows a room on one node after the other.
type reader struct {
	world *world
	room  string

	mu    sync.Mutex // guards the rest, and what a following has
	epoch string
	list  []journal.Entry
}

// following is one following of a reader. What comes before its epoch is known waits.
type following struct {
	*reader
	lost  chan struct{}     // closed when it is lost
	told  map[string]uint64 // by node and user, the newest transient entry
	began bool
	early []journal.Entry
}

// Deliver implements journal.Follower.
func (f *following) Deliver(e journal.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !e.Kind.Recorded():
		n, from := uint64(0), e.Origin.Node+" "+e.From.ID
		_, _ = fmt.Sscan(string(e.Body), &n)
		if n <= f.told[from] {
			f.world.fail("in %q the transient entry %d of %q came behind %d", f.room, n, from, f.told[from])
		}
		f.told[from] = n
	case f.began:
		f.addLocked(e)
	default:
		f.early = append(f.early, e)
	}
}

// Lost implements journal.Follower.
func (f *following) Lost(l journal.Lost) {
	if f.world.kind == stays {
		f.world.fail("following of %q is lost: %v", f.room, l.Why)
	}
	close(f.lost)
}

func (r *reader) addLocked(e journal.Entry) {
	if last := journal.Seq(len(r.list)); e.Seq != last+1 {
		r.world.fail("in %q the entry %d was delivered behind %d", r.room, e.Seq, last)
	}
	r.world.show(place{r.epoch, r.room, e.Seq}, e.Key)
	r.list = append(r.list, e)
}

// begin takes what has come, if it goes on with what the reader has. Otherwise the reader has nothing.
func (f *following) begin(epoch string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch != f.epoch {
		f.epoch, f.list = epoch, nil
		return false
	}
	f.began = true
	for _, e := range f.early {
		f.addLocked(e)
	}
	return true
}

func (r *reader) run() {
	for !r.world.ended() {
		n := r.world.node()
		f := &following{reader: r, lost: make(chan struct{}), told: map[string]uint64{}}
		start, err := n.Follow(r.room, r.at(), f)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if f.begin(start.Epoch) {
			select {
			case <-n.gone:
			case <-f.lost:
			}
		}
		start.Stop()
	}
}

func (r *reader) at() journal.Seq {
	r.mu.Lock()
	defer r.mu.Unlock()
	return journal.Seq(len(r.list))
}

// recordWatcher watches the counter on one node after the other.
type recordWatcher struct {
	world *world

	mu    sync.Mutex // guards value
	value string
}

func (r *recordWatcher) run() {
	for !r.world.ended() {
		n := r.world.node()
		r.take(journal.Record{})
		if stop, err := n.Records().Watch("n/", r.take); err == nil {
			<-n.gone
			stop()
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (r *recordWatcher) take(now journal.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value = string(now.Value)
}

// feedReader reads a part of the feed and follows it, on one node after the other.
type feedReader struct {
	world *world
	part  int

	mu    sync.Mutex // guards the rest
	epoch string
	after journal.Position
	live  []journal.Entry // that came while the feed was read
	reads bool
	list  []journal.Entry
}

func (f *feedReader) take(e journal.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reads {
		f.live = append(f.live, e)
		return
	}
	f.addLocked(e)
}

// addLocked takes an entry that was not read before.
func (f *feedReader) addLocked(e journal.Entry) {
	if e.Epoch == f.epoch && e.Position > f.after {
		f.after, f.list = e.Position, append(f.list, e)
	}
}

func (f *feedReader) run() {
	for !f.world.ended() {
		n := f.world.node()
		f.mu.Lock()
		f.reads, f.live = true, nil
		f.mu.Unlock()
		lost := make(chan struct{})
		stop, err := n.FollowFeed(f.part, func(string) bool { return true }, f.take, func(journal.Lost) { close(lost) })
		if err == nil {
			if f.read(n) == nil {
				select {
				case <-n.gone:
				case <-lost:
				}
			}
			stop()
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// read reads what was there before the following.
func (f *feedReader) read(n *simNode) error {
	for {
		f.mu.Lock()
		after := f.after
		f.mu.Unlock()
		page, err := n.Feed(context.Background(), journal.FeedQuery{Part: f.part, After: after, Limit: 5})
		if err != nil {
			return err
		}
		f.mu.Lock()
		if page.Epoch != f.epoch {
			first := f.epoch == ""
			if f.epoch, f.after, f.list = page.Epoch, 0, nil; !first {
				f.mu.Unlock()
				continue
			}
		}
		for _, e := range page.Entries {
			f.addLocked(e)
		}
		f.after = max(f.after, page.Next)
		done := page.Next >= page.Last
		if done {
			f.reads = false
			for _, e := range f.live {
				f.addLocked(e)
			}
		}
		f.mu.Unlock()
		if done {
			return nil
		}
	}
}

func (w *world) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.nodes, func(n *simNode) bool {
		select {
		case <-n.gone: // only in the end is a node gone that was not replaced
			return true
		default:
			return false
		}
	})
}

// check compares what was told with what is there, once everybody has had the time to hear of it.
func (w *world) check(readers []*reader, feeds []*feedReader, watcher *recordWatcher) {
	n := w.openNode()
	defer n.Close()
	there := map[string][]journal.Entry{}
	all := 0
	for _, room := range rooms {
		page, err := n.Read(context.Background(), journal.Query{Room: room, Limit: 1000})
		if err != nil || page.More {
			w.fail("read %q: %v", room, err)
			return
		}
		there[room] = page.Entries
		all += len(page.Entries)
		w.checkRoom(room, page.Epoch, page.Entries)
	}
	for began := time.Now(); ; time.Sleep(time.Second) {
		why := w.behind(n, there, all, readers, feeds, watcher)
		if why == "" {
			break
		}
		if time.Since(began) > 30*time.Second {
			w.fail("after 30 s %s", why)
			return
		}
	}
	w.checkCounter(n)
}

// behind says who has not heard of everything.
func (w *world) behind(n *simNode, there map[string][]journal.Entry, all int, readers []*reader, feeds []*feedReader, watcher *recordWatcher) string {
	watcher.mu.Lock()
	told := watcher.value
	watcher.mu.Unlock()
	if is, err := n.Records().Get(context.Background(), "n/counter"); err != nil || string(is.Value) != told {
		return fmt.Sprintf("the watcher was told %q, and there is %q: %v", told, is.Value, err)
	}
	epoch, _ := n.epoch()
	for i, r := range readers {
		if last := len(there[r.room]); r.at() != journal.Seq(last) {
			return fmt.Sprintf("reader %d of %q is at %d of %d", i, r.room, r.at(), last)
		}
		r.mu.Lock()
		is := r.epoch
		for _, e := range r.list {
			if key := there[r.room][e.Seq-1].Key; is == epoch && key != e.Key {
				w.fail("reader %d of %q has %q as %d, which is %q", i, r.room, e.Key, e.Seq, key)
			}
		}
		r.mu.Unlock()
		if is != epoch {
			return fmt.Sprintf("reader %d of %q is in the epoch %s, and not %s", i, r.room, is, epoch)
		}
	}
	heard := map[string]bool{}
	for _, f := range feeds {
		f.mu.Lock()
		for _, e := range f.list {
			place := fmt.Sprint(e.Room, e.Seq)
			if heard[place] {
				w.fail("the feed told of %q twice", place)
			}
			heard[place] = true
		}
		f.mu.Unlock()
	}
	if len(heard) != all {
		return fmt.Sprintf("the feed told of %d of %d entries", len(heard), all)
	}
	return ""
}

// epoch is that of the rooms.
func (n *simNode) epoch() (string, error) {
	page, err := n.Feed(context.Background(), journal.FeedQuery{})
	return page.Epoch, err
}

// checkRoom compares a room with what was sent.
func (w *world) checkRoom(room, epoch string, list []journal.Entry) {
	at := map[string]journal.Seq{}
	for i, e := range list {
		switch {
		case e.Seq != journal.Seq(i+1):
			w.fail("in %q the entry %d follows %d", room, e.Seq, i)
		case i > 0 && e.At < list[i-1].At:
			w.fail("in %q the entry %d is older than the one before it", room, e.Seq)
		case at[e.Key] > 0:
			w.fail("%q was recorded as %d and as %d", e.Key, at[e.Key], e.Seq)
		}
		at[e.Key] = e.Seq
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	wrong := func(format string, args ...any) {
		if w.err == nil {
			w.err = fmt.Errorf(format, args...)
		}
	}
	for key, m := range w.sent {
		seq := at[key]
		switch {
		case m.room != room:
			continue
		case m.safe && seq == 0:
			wrong("%q was there, and is lost", key)
		case m.seq > 0 && m.epoch != epoch && w.kind == rollsBack: // it may be lost, or have been sent again
		case m.seq > 0 && seq != m.seq:
			wrong("%q was acknowledged as %d, and is there as %d", key, m.seq, seq)
		case m.refused && seq > 0:
			wrong("%q was refused, and is there as %d", key, seq)
		}
		if seq == 0 || m.body == "" {
			continue
		}
		if e := list[seq-1]; string(e.Body) != m.body && !m.changed[string(e.Body)] || e.Recalled && !m.recalled {
			wrong("%q has the body %q, want %q", key, e.Body, m.body)
		}
	}
	for key := range at {
		if w.sent[key] == nil {
			wrong("%q is there, and nobody has sent it", key)
		}
	}
}

func (w *world) checkCounter(n *simNode) {
	r, err := n.Records().Get(context.Background(), "n/counter")
	got := 0
	_, _ = fmt.Sscan(string(r.Value), &got)
	w.mu.Lock()
	sum, unsure := w.sum, w.unsure
	w.mu.Unlock()
	if err != nil || got < sum && w.kind != rollsBack || got > sum+unsure {
		w.fail("the counter is at %d, want %d to %d: %v", got, sum, sum+unsure, err)
	}
}
