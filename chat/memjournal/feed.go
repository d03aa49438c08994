package memjournal

import (
	"slices"
	"sort"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// feedLife is how long a place in the feed is kept, unless the feed takes too much.
const feedLife = 72 * time.Hour

// feed is the order of the entries of all rooms. It has places, not the entries.
// store.mu guards it.
type feed struct {
	places    ring[place]
	forgotten journal.Position // the newest place that is gone
	bytes     int64
	followers []*outlet[journal.Entry] // replaced, never changed
}

// place is where an entry is in the feed.
type place struct {
	position journal.Position
	life     *life
	seq      journal.Seq
	at       int64 // when it was recorded here, Unix milliseconds
}

// cost counts a life as if no other place had the same one.
func (p *place) cost() int64 { return 112 + int64(len(p.life.name)) }

// add adds the newest place, and forgets the oldest ones: above maxBytes, or older than
// feedLife.
func (f *feed) add(p place, maxBytes int64) {
	f.places.push(p)
	f.bytes += p.cost()
	for f.places.len() > 0 && (f.bytes > maxBytes || since(f.places.at(0).at, p.at) > feedLife) {
		oldest := f.places.at(0)
		f.forgotten = oldest.position
		f.bytes -= oldest.cost()
		f.places.drop()
	}
}

// behind returns the index of the first place behind a position.
func (f *feed) behind(after journal.Position) int {
	return sort.Search(f.places.len(), func(i int) bool { return f.places.at(i).position > after })
}

// queue queues e for those who follow the feed. It returns due, and who must be drained.
func (f *feed) queue(e *journal.Entry, epoch string, due []drainer) []drainer {
	for _, o := range f.followers {
		shown := *e
		shown.Epoch = epoch
		if o.box.Put(shown) {
			due = append(due, o)
		}
	}
	return due
}

func (f *feed) follow(o *outlet[journal.Entry]) {
	f.followers = append(slices.Clip(f.followers), o)
}

func (f *feed) unfollow(o *outlet[journal.Entry]) { f.followers = without(f.followers, o) }

// since is the time between two times in Unix milliseconds.
func since(at, now int64) time.Duration { return time.Duration(now-at) * time.Millisecond }
