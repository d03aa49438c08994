package memjournal

import (
	"container/list"
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/mailbox"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// room is the record of one room. Journal.mu guards its fields, except outgoing.
type room struct {
	name      string
	element   *list.Element // of this room in Journal.bySilence
	epoch     string
	entries   []journal.Entry // without holes; the last one has the number last
	last      journal.Seq
	at        int64                          // of the newest entry
	size      int64                          // of entries, by Entry.Size
	keys      map[messageKey]journal.Receipt // nil until somebody uses a key
	keyOrder  []messageKey                   // of keys, oldest first
	followers []*follower                    // replaced, never changed: deliveries refer to it

	outgoing mailbox.Mailbox[delivery]
}

type follower struct{ deliver func(journal.Entry) }

type messageKey struct{ user, key string }

// delivery is one entry on its way to those who followed the room when the entry
// was numbered. With fence it carries no entry: deliverAll closes fence when it
// has delivered everything that was queued before.
type delivery struct {
	entry journal.Entry
	to    []*follower
	fence chan struct{}
}

func (r *room) first() journal.Seq { return r.last + 1 - journal.Seq(len(r.entries)) }

// entry returns the entry with that number, or nil if it is not kept.
func (r *room) entry(seq journal.Seq) *journal.Entry {
	if seq < r.first() || seq > r.last {
		return nil
	}
	return &r.entries[seq-r.first()]
}

// page returns the entries that q asks for.
func (r *room) page(q journal.Query) journal.Page {
	page := journal.Page{Epoch: r.epoch, First: r.first(), Last: r.last}
	from, to := 0, len(r.entries)
	if q.Backward {
		if q.Before > 0 {
			to = r.index(q.Before)
		}
		from = max(0, to-q.Limit)
		page.More = from > 0
	} else {
		from = r.index(q.After + 1)
		to = min(to, from+q.Limit)
		page.More = to < len(r.entries)
	}
	page.Entries = slices.Clone(r.entries[from:to])
	return page
}

// index returns the index in r.entries of the first entry that is not below seq.
func (r *room) index(seq journal.Seq) int {
	if seq <= r.first() {
		return 0
	}
	return int(min(seq-r.first(), journal.Seq(len(r.entries))))
}

// queue queues a delivery of e. If it returns true, the caller must call
// deliverAll after it has released Journal.mu.
func (r *room) queue(e journal.Entry) bool {
	return len(r.followers) > 0 && r.outgoing.Put(delivery{entry: e, to: r.followers})
}

// deliverAll delivers what is queued, until nothing is left.
func (r *room) deliverAll() {
	for batch := r.outgoing.Take(nil); len(batch) > 0; batch = r.outgoing.Take(batch) {
		for _, d := range batch {
			if d.fence != nil {
				close(d.fence)
			}
			for _, f := range d.to {
				f.deliver(d.entry)
			}
		}
	}
}
