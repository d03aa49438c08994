package shared

import (
	"encoding/binary"
	"errors"

	"github.com/caddychat/caddy-chat/chat/journal"
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
	sent  int64         // when a transient one was appended, Unix nanoseconds of its node
}

func (r *row) size() (n int) {
	for i := range r.list {
		n += r.list[i].entry.Size()
	}
	return n
}

// encoder writes a hint.
type encoder struct{ b []byte }

func (w *encoder) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *encoder) text(s string)   { w.number(uint64(len(s))); w.b = append(w.b, s...) }

func (w *encoder) flags(list ...bool) {
	n := uint64(0)
	for i, is := range list {
		if is {
			n |= 1 << i
		}
	}
	w.number(n)
}

// encodeRow writes a row of a part without its kind of hint.
func encodeRow(part int, r *row) []byte {
	w := &encoder{b: []byte{hintRow}}
	w.number(uint64(part))
	w.text(r.epoch)
	w.text(string(r.nonce[:]))
	w.number(r.number)
	w.number(r.behind)
	w.number(uint64(len(r.list)))
	for i := range r.list {
		e := &r.list[i].entry
		w.text(e.Room)
		w.text(e.Epoch)
		w.number(uint64(e.Kind))
		w.flags(e.Text, e.Quiet, e.From.Guest, e.Body != nil)
		for _, s := range []string{e.From.ID, e.From.Name, e.From.Avatar, e.Key, e.Via, e.Origin.Node, e.Origin.Session} {
			w.text(s)
		}
		w.number(uint64(len(e.Mentions)))
		for _, m := range e.Mentions {
			w.text(m)
		}
		w.text(string(e.Body))
		for _, n := range []uint64{uint64(e.Target), uint64(e.Seq), uint64(e.At), e.Count, uint64(e.Position), uint64(r.list[i].sent)} {
			w.number(n)
		}
	}
	return w.b
}

var errHint = errors.New("a hint of another node can't be read")

// decoder reads a hint. After the first error it reads nothing.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) number() uint64 {
	n, k := binary.Uvarint(d.b)
	if k <= 0 || d.failed {
		d.failed = true
		return 0
	}
	d.b = d.b[k:]
	return n
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
	}
	if d.failed {
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// decodeRow reads what encodeRow wrote, behind its kind.
func decodeRow(b []byte) (part int, r *row, err error) {
	d := &decoder{b: b}
	part = int(min(d.number(), 1<<20))
	r = &row{epoch: d.text()}
	copy(r.nonce[:], d.text())
	r.number, r.behind = d.number(), d.number()
	for n := d.number(); n > 0 && !d.failed; n-- {
		e := journal.Entry{Room: d.text(), Epoch: d.text(), Kind: journal.Kind(d.number())}
		flags := d.number()
		e.Text, e.Quiet, e.From.Guest = flags&1 != 0, flags&2 != 0, flags&4 != 0
		for _, s := range []*string{&e.From.ID, &e.From.Name, &e.From.Avatar, &e.Key, &e.Via, &e.Origin.Node, &e.Origin.Session} {
			*s = d.text()
		}
		for m := d.number(); m > 0 && !d.failed; m-- {
			e.Mentions = append(e.Mentions, d.text())
		}
		if body := d.text(); flags&8 != 0 {
			e.Body = []byte(body)
		}
		e.Target, e.Seq, e.At = journal.Seq(d.number()), journal.Seq(d.number()), int64(d.number())
		e.Count, e.Position = d.number(), journal.Position(d.number())
		r.list = append(r.list, delivery{e, int64(d.number())})
	}
	if d.failed || len(d.b) > 0 {
		return 0, nil, errHint
	}
	return part, r, nil
}
