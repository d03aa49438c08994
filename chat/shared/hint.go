package shared

import (
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/packing"
)

// What a hint tells.
const (
	hintRow     = 'e' // a row of the feed with its entries, or transient ones behind a row
	hintNodes   = 'n' // a node came, went or described itself
	hintRecords = 'c' // a record has changed
)

// rowMost is how many bytes of entries a hint has at most; others are read from the engine.
const rowMost = 512 << 10

// row is what a part shows at once: a row of the feed, or transient entries.
type row struct {
	epoch  string // of the store
	nonce  Nonce
	number uint64 // 0: transient entries alone
	behind uint64 // with number 0: the newest row that their node has recorded or shown before
	told   bool   // list has the entries, but for rooms that nobody followed on this node when it heard of them
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

// encodeRow appends the hint of a row to b.
func encodeRow(b []byte, part int, r *row) []byte {
	w := &packing.Writer{B: append(b, hintRow)}
	w.Number(uint64(part))
	w.Text(r.epoch)
	w.Bytes(r.nonce[:])
	w.Number(r.number)
	w.Number(r.behind)
	w.Number(uint64(len(r.list)))
	entry := &packing.Writer{}
	for i := range r.list {
		entry.B = entry.B[:0]
		encodeEntry(entry, &r.list[i])
		w.Text(r.list[i].entry.Room)
		w.Bytes(entry.B)
	}
	return w.B
}

// encodeEntry writes an entry without its room.
func encodeEntry(w *packing.Writer, d *delivery) {
	e := &d.entry
	w.Text(e.Epoch)
	w.Number(uint64(e.Kind))
	w.Flags(e.Text, e.Quiet, e.From.Guest, e.Body != nil)
	for _, s := range [...]string{e.From.ID, e.From.Name, e.From.Avatar, e.Key, e.Via, e.Origin.Node, e.Origin.Session} {
		w.Text(s)
	}
	w.Number(uint64(len(e.Mentions)))
	for _, m := range e.Mentions {
		w.Text(m)
	}
	w.Bytes(e.Body)
	for _, n := range [...]uint64{uint64(e.Target), uint64(e.Seq), uint64(e.At), e.Count, uint64(e.Position), uint64(d.sent.UnixNano())} {
		w.Number(n)
	}
}

// leastEntry is how many bytes an entry has at least in a hint, without its room: one for each number and each length.
const leastEntry = 18

var errHint = errors.New("a hint of another node can't be read")

// decodeRow reads what encodeRow wrote, behind its kind, up to the entries: how many there are.
func decodeRow(d *packing.Reader) (part int, r *row, entries uint64) {
	part = int(min(d.Number(), 1<<20))
	r = &row{epoch: d.Text()}
	copy(r.nonce[:], d.Bytes())
	r.number, r.behind = d.Number(), d.Number()
	return part, r, d.Number()
}

// decodeEntries reads the entries of the rooms that are wanted. Most rooms are followed on few nodes.
func (r *row) decodeEntries(d *packing.Reader, n uint64, wants func(room string) bool) error {
	r.told = n > 0
	last := &journal.Entry{} // the one before, with which an entry shares what is the same
	for ; n > 0 && !d.Failed; n-- {
		room := d.Again(last.Room)
		b := d.Bytes()
		if d.Failed || len(b) < leastEntry {
			return errHint
		}
		if !wants(room) {
			continue
		}
		if r.list == nil {
			r.list = make([]delivery, 0, min(n, uint64(len(d.B)/len(b)+1))) // most are of about the same size
		}
		r.list = append(r.list, delivery{})
		at := &r.list[len(r.list)-1]
		at.entry.Room = room
		if !at.decode(&packing.Reader{B: b}, last) {
			return errHint
		}
		last = &at.entry
	}
	if d.Failed || len(d.B) > 0 {
		return errHint
	}
	return nil
}

// decode reads an entry without its room. last is another entry.
func (at *delivery) decode(d *packing.Reader, last *journal.Entry) bool {
	e := &at.entry
	e.Epoch, e.Kind = d.Again(last.Epoch), journal.Kind(d.Number())
	flags := d.Number()
	e.Text, e.Quiet, e.From.Guest = flags&1 != 0, flags&2 != 0, flags&4 != 0
	e.From.ID, e.From.Name, e.From.Avatar = d.Again(last.From.ID), d.Again(last.From.Name), d.Again(last.From.Avatar)
	e.Key, e.Via, e.Origin.Node, e.Origin.Session = d.Text(), d.Again(last.Via), d.Again(last.Origin.Node), d.Again(last.Origin.Session)
	for m := d.Number(); m > 0 && !d.Failed; m-- {
		e.Mentions = append(e.Mentions, d.Text())
	}
	if body := d.Bytes(); flags&8 != 0 {
		e.Body = append([]byte{}, body...)
	}
	e.Target, e.Seq, e.At = journal.Seq(d.Number()), journal.Seq(d.Number()), int64(d.Number())
	e.Count, e.Position = d.Number(), journal.Position(d.Number())
	at.sent = time.Unix(0, int64(d.Number()))
	return !d.Failed && len(d.B) == 0
}
