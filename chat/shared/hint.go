package shared

import (
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/packing"
)

// What a hint tells.
const (
	hintRow     = 'f' // a row of the feed with its entries, or transient ones behind a row
	hintNodes   = 'n' // a node came, went or described itself
	hintRecords = 'c' // a record has changed
)

// row is what a part shows at once: a row of the feed, or transient entries.
type row struct {
	epoch  string // of the store
	nonce  Nonce
	number uint64 // 0: transient entries alone
	behind uint64 // with number 0: the newest row that their node has recorded or shown before
	list   []delivery
}

// delivery is an entry on its way to followers.
type delivery struct {
	entry journal.Entry // with its epoch
	sent  time.Time     // when a transient one was appended, by the clock of its node
}

func (r *row) size() (n int) {
	for i := range r.list {
		n += r.list[i].entry.Size()
	}
	return n
}

// encodeRow writes a row of a part without its kind of hint.
func encodeRow(part int, r *row) []byte {
	w := &packing.Writer{B: []byte{hintRow}}
	w.Number(uint64(part))
	w.Text(r.epoch)
	w.Text(string(r.nonce[:]))
	w.Number(r.number)
	w.Number(r.behind)
	w.Number(uint64(len(r.list)))
	for i := range r.list {
		e := &r.list[i].entry
		w.Text(e.Room)
		w.Text(e.Epoch)
		w.Number(uint64(e.Kind))
		w.Flags(e.Text, e.Quiet, e.From.Guest, e.Body != nil)
		for _, s := range []string{e.From.ID, e.From.Name, e.From.Avatar, e.Key, e.Via, e.Origin.Node, e.Origin.Session} {
			w.Text(s)
		}
		w.Number(uint64(len(e.Mentions)))
		for _, m := range e.Mentions {
			w.Text(m)
		}
		w.Text(string(e.Body))
		for _, n := range []uint64{uint64(e.Target), uint64(e.Seq), uint64(e.At), e.Count, uint64(e.Position), uint64(r.list[i].sent.UnixNano())} {
			w.Number(n)
		}
	}
	return w.B
}

var errHint = errors.New("a hint of another node can't be read")

// decodeRow reads what encodeRow wrote, behind its kind.
func decodeRow(b []byte) (part int, r *row, err error) {
	d := &packing.Reader{B: b}
	part = int(min(d.Number(), 1<<20))
	r = &row{epoch: d.Text()}
	copy(r.nonce[:], d.Text())
	r.number, r.behind = d.Number(), d.Number()
	for n := d.Number(); n > 0 && !d.Failed; n-- {
		e := journal.Entry{Room: d.Text(), Epoch: d.Text(), Kind: journal.Kind(d.Number())}
		flags := d.Number()
		e.Text, e.Quiet, e.From.Guest = flags&1 != 0, flags&2 != 0, flags&4 != 0
		for _, s := range []*string{&e.From.ID, &e.From.Name, &e.From.Avatar, &e.Key, &e.Via, &e.Origin.Node, &e.Origin.Session} {
			*s = d.Text()
		}
		for m := d.Number(); m > 0 && !d.Failed; m-- {
			e.Mentions = append(e.Mentions, d.Text())
		}
		if body := d.Text(); flags&8 != 0 {
			e.Body = []byte(body)
		}
		e.Target, e.Seq, e.At = journal.Seq(d.Number()), journal.Seq(d.Number()), int64(d.Number())
		e.Count, e.Position = d.Number(), journal.Position(d.Number())
		r.list = append(r.list, delivery{e, time.Unix(0, int64(d.Number()))})
	}
	if d.Failed || len(d.B) > 0 {
		return 0, nil, errHint
	}
	return part, r, nil
}
