package memjournal

import "github.com/caddychat/caddy-chat/chat/journal"

// shown returns an entry, the oldest with 0, as it is read: the body of one that replaced
// another's is in its target.
func (r *room) shown(i int) journal.Entry {
	e := r.entries.at(i).entry(r.life.name, r.first()+journal.Seq(i))
	if e.Kind.Effect() == journal.Replace {
		if t := r.target(e.Target); t != nil {
			e.Body, e.Text = t.body, t.text
		}
	}
	return e
}

// dropped is how many counting entries are no longer kept.
func (r *room) dropped() uint64 {
	if r.entries.len() == 0 {
		return r.count
	}
	oldest := r.entries.at(0)
	if oldest.counts() {
		return oldest.count - 1
	}
	return oldest.count
}

// head fills h, which is zero.
func (r *room) head(h *journal.Head) {
	h.Epoch, h.First, h.Last, h.At, h.Position = r.life.epoch, r.first(), r.last, r.lastAt, r.position
	h.Count, h.Dropped, h.State = r.count, r.dropped(), r.state
	if e := r.entry(r.newest); e != nil {
		h.Newest = e.entry(r.life.name, r.newest)
	}
}

// used returns the receipt of the entry that used a key.
func (r *room) used(user, key string) (journal.Receipt, bool) {
	use, ok := r.keys[messageKey{user, key}]
	if !ok {
		return journal.Receipt{}, false
	}
	receipt := journal.Receipt{Epoch: r.life.epoch, Seq: use.seq, At: use.at, Duplicate: true}
	if e := r.entry(use.seq); e != nil {
		receipt.Count, receipt.Position = e.count, e.position
	}
	return receipt, true
}

// page returns the entries that q asks for.
func (r *room) page(q journal.Query) journal.Page {
	p := journal.Page{Epoch: r.life.epoch, First: r.first(), Last: r.last, Count: r.count, Dropped: r.dropped()}
	n := r.entries.len()
	from, to := n, n
	switch {
	case q.Backward:
		if q.Before > 0 {
			to = r.index(q.Before)
		}
		from = to - r.fitting(q, to, func(i int) int { return to - 1 - i })
		p.More = from > 0
	case q.After < r.last:
		from = r.index(q.After + 1)
		to = from + r.fitting(q, to-from, func(i int) int { return from + i })
		p.More = to < n
	}
	p.Entries = r.listed(from, to)
	return p
}

// fitting returns how many of n entries a page has room for. index returns where the i-th
// of them is.
func (r *room) fitting(q journal.Query, n int, index func(i int) int) int {
	n = min(n, max(q.Limit, 0))
	if q.Bytes <= 0 {
		return n
	}
	size := 0
	for i := range n {
		if size += r.shownSize(index(i)); size > q.Bytes && i > 0 {
			return i
		}
	}
	return n
}

func (r *room) shownSize(i int) int {
	k := r.entries.at(i)
	if k.kind.Effect() != journal.Replace {
		return int(k.size)
	}
	e := r.shown(i)
	return e.Size()
}

// listed returns the entries with the indexes from to to-1, as they are read.
func (r *room) listed(from, to int) []journal.Entry {
	if from >= to {
		return nil
	}
	list := make([]journal.Entry, to-from)
	for i := range list {
		list[i] = r.shown(from + i)
	}
	return list
}

// index returns the index in r.entries of the first entry that is not below seq.
func (r *room) index(seq journal.Seq) int {
	if seq <= r.first() {
		return 0
	}
	return int(min(seq-r.first(), journal.Seq(r.entries.len())))
}
