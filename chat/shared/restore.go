package shared

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

var _ journal.Successor = (*Journal)(nil)

// Restore implements journal.Restorer. It works on a part of the list at a time: entries of one room, as many as a
// batch may have.
func (j *Journal) Restore(ctx context.Context, entries []journal.Entry) (recorded, known int, err error) {
	for len(entries) > 0 {
		if err := j.use(ctx); err != nil {
			return recorded, known, err
		}
		n, size := 0, 0
		for n < len(entries) && n < batchEntries && entries[n].Room == entries[0].Room && (n == 0 || size < batchBytes) {
			size += entries[n].Size()
			n++
		}
		r, k, again, err := j.restore(ctx, entries[:n])
		recorded, known = recorded+r, known+k
		if err != nil {
			return recorded, known, j.failed(err)
		}
		if !again {
			entries = entries[n:]
		}
	}
	return recorded, known, nil
}

// restore restores entries of one room, at most batchEntries. It asks for another try if somebody has appended
// meanwhile: then nothing is recorded.
func (j *Journal) restore(ctx context.Context, entries []journal.Entry) (recorded, known int, again bool, err error) {
	p := j.part(entries[0].Room)
	heads, err := j.engine.Heads(ctx, []string{entries[0].Room})
	if err != nil {
		return 0, 0, false, err
	}
	h := &heads[0]
	there, err := j.there(ctx, p, entries, h.Last)
	if err != nil {
		return 0, 0, false, err
	}
	b := Restored{Batch: Batch{Part: p.number}, After: h.Last}
	b.Epoch, _, b.Seen = p.stream.standing()
	_, _ = rand.Read(b.Nonce[:])
	last, at, count, state := h.Last, h.At, h.Count, h.State
	claims := map[Claim]bool{}
	var misfit error
	for i := range entries {
		e := entries[i]
		e.With, e.Since, e.Origin, e.Epoch, e.Position = nil, 0, journal.Origin{}, "", 0
		if misfit = journal.CheckRestorable(&e); misfit != nil {
			break
		}
		isKnown, fault := journal.CheckRestore(&e, last, at)
		if kept, is := there[e.Seq]; isKnown && is {
			fault = journal.CheckKnown(&e, &kept)
		}
		if misfit = fault; misfit != nil {
			break
		}
		if isKnown {
			known++
			continue
		}
		if last == 0 && e.Count > 0 {
			count = e.Count
			if e.Counts() {
				count--
			}
		}
		if len(b.Items) == 0 {
			b.Before = count
		}
		if e.Counts() {
			count++
		}
		if e.Kind.Governs() {
			state = e.Seq
		}
		last, at, e.Count = e.Seq, e.At, count
		c := claimOf(e.From.ID, e.Key)
		if claims[c] {
			c = claimOf("", "") // the first use of a key counts
		}
		claims[c] = true
		b.Items, b.States = append(b.Items, Item{&e, c}), append(b.States, state)
	}
	if len(b.Items) == 0 {
		return 0, known, false, misfit
	}
	b.Moot = moot(b.Items)
	c, err := j.engine.Restore(ctx, b)
	switch {
	case errors.Is(err, ErrRolledBack):
		_, err = j.compare(ctx)
		return 0, 0, true, err
	case err == nil && c.Row > 0 && !p.stream.recorded(&b.Batch, c.Row):
		return 0, 0, true, nil
	case err != nil:
		return 0, 0, false, err
	case c.Row == 0:
		return 0, 0, true, nil
	}
	r := &row{epoch: b.Epoch, nonce: b.Nonce, number: c.Row}
	for i, item := range b.Items {
		e, receipt := *item.Entry, c.Outcomes[i].Receipt
		e.Position, e.Epoch = receipt.Position, receipt.Epoch
		r.list = append(r.list, delivery{entry: e})
	}
	j.count(c, 0)
	p.tell(nil, *r) // p.hint is the committer's
	p.stream.offer(r, false)
	return len(b.Items), known, false, misfit
}

// there returns the entries that the room has under numbers that come again.
func (j *Journal) there(ctx context.Context, p *part, entries []journal.Entry, last journal.Seq) (map[journal.Seq]journal.Entry, error) {
	lo, hi := journal.MaxSeq, journal.Seq(0)
	for i := range entries {
		if seq := entries[i].Seq; seq <= last {
			lo, hi = min(lo, seq), max(hi, seq)
		}
	}
	found := map[journal.Seq]journal.Entry{}
	for lo <= hi {
		list, all, err := j.engine.Entries(ctx, []Range{{entries[0].Room, lo, hi}}, bytesAtOnce)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			found[e.Seq] = e
			lo = e.Seq + 1
		}
		if all {
			break
		}
	}
	return found, nil
}

// moot says of which entries the effect must not be done: one whose target came later; one that replaces a body with none was exported
// after its target was gone; of several with one target in a batch the last one counts, or the one that erases.
func moot(items []Item) []bool {
	list := make([]bool, len(items))
	newest := map[journal.Seq]int{}
	for i, item := range items {
		e := item.Entry
		effect := e.Kind.Effect()
		if effect == journal.NoEffect {
			continue
		}
		if e.Target >= e.Seq || effect == journal.Replace && e.Body == nil && !e.Text {
			list[i] = true
			continue
		}
		if old, is := newest[e.Target]; is {
			if items[old].Entry.Kind.Effect() == journal.Erase {
				list[i] = true
				continue
			}
			list[old] = true
		}
		newest[e.Target] = i
	}
	return list
}

// RestoreRecords implements journal.Restorer.
func (j *Journal) RestoreRecords(ctx context.Context, list []journal.Record) (written int, err error) {
	for i := range list {
		if err := journal.CheckRecord(list[i].Key, list[i].Value); err != nil {
			return 0, err
		}
	}
	if err := j.use(ctx); err != nil || len(list) == 0 {
		return 0, err
	}
	written, err = j.engine.RestoreRecords(ctx, list)
	return written, j.failed(err)
}

// Succeed implements journal.Successor.
func (j *Journal) Succeed(ctx context.Context, fresh string, above journal.Position) error {
	store, born, ok := journal.CutEpoch(fresh)
	if !ok {
		return fmt.Errorf("%w: %q is no epoch", journal.ErrLimit, fresh)
	}
	if err := j.use(ctx); err != nil {
		return err
	}
	switch empty, err := j.engine.Succeed(ctx, store, born > 0, RowOf(above)); {
	case err != nil:
		return j.failed(err)
	case !empty:
		return journal.ErrNotEmpty
	}
	_, err := j.compare(ctx) // begins again in that epoch
	return j.failed(err)
}

// RestoreHead implements journal.Successor.
func (j *Journal) RestoreHead(ctx context.Context, room string, h journal.Head) error {
	if err := journal.CheckHead(room, &h); err != nil {
		return err
	}
	if err := j.use(ctx); err != nil {
		return err
	}
	p := j.part(room)
	x := RestoredHead{Batch: Batch{Part: p.number}, Room: room, First: h.First, Count: h.Dropped}
	x.Epoch, _, x.Seen = p.stream.standing()
	x.At, x.State = h.BeforeFirst()
	store, born, ok := journal.CutEpoch(h.Epoch)
	if x.Born = born; !ok || store != x.Epoch {
		return fmt.Errorf("%w: the epoch %q of room %q is not of the store", journal.ErrLimit, h.Epoch, room)
	}
	switch has, err := j.engine.RestoreHead(ctx, x); {
	case err != nil:
		return j.failed(err)
	case has != born:
		return fmt.Errorf("%w: room %q has another epoch than %q", journal.ErrLimit, room, h.Epoch)
	}
	return nil
}

// ForgetFeed implements journal.Successor.
func (j *Journal) ForgetFeed(ctx context.Context) error {
	if err := j.use(ctx); err != nil {
		return err
	}
	return j.failed(j.engine.ForgetFeed(ctx))
}
