package move

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// How much is read at once: so much memory an export takes, whatever a room has.
const (
	pageEntries = 500
	pageBytes   = 1 << 20
	headsAtOnce = 200
)

// noRoom begins names that no room has.
const noRoom = "\x00"

// Export writes all that a journal keeps to w. Nobody else may use the journal meanwhile. tell
// is called now and then.
func Export(ctx context.Context, j journal.Journal, w io.Writer, tell func(Progress)) (Progress, error) {
	x := exporter{journal: j, to: writer{to: bufio.NewWriterSize(w, 256<<10)}, tell: tell}
	err := x.export(ctx)
	return x.progress, err
}

type exporter struct {
	journal  journal.Journal
	lister   journal.Lister
	to       writer
	tell     func(Progress)
	progress Progress
}

func (x *exporter) export(ctx context.Context) error {
	var can bool
	if x.lister, can = x.journal.(journal.Lister); !can {
		return fmt.Errorf("the journal can't list its rooms: %w", errors.ErrUnsupported)
	}
	if err := CheckWhole(ctx, x.journal); err != nil {
		return err
	}
	if err := checkAlone(ctx, x.journal); err != nil {
		return err
	}
	if err := x.begin(ctx); err != nil {
		return err
	}
	before := damaged(x.journal)
	if err := x.lister.Rooms(ctx, func(room string) error { return x.room(ctx, room) }); err != nil {
		return err
	}
	err := x.journal.Records().Scan(ctx, "", func(r journal.Record) error {
		if r.Key == stateKey {
			return nil
		}
		x.progress.Records++
		if x.progress.Records%pageEntries == 0 {
			x.tell(x.progress)
		}
		return x.to.write(func(b []byte) []byte { return appendRecord(b, &r) })
	})
	if err != nil {
		return err
	}
	if damaged(x.journal) > before {
		return errors.New("rooms or records can't be read: " + damagedThere)
	}
	end := totals{x.progress.Rooms, x.progress.Entries, x.progress.Records}
	if err := x.to.write(end.append); err != nil {
		return err
	}
	x.tell(x.progress)
	return x.to.to.Flush()
}

// damaged is how often a journal could not read something.
func damaged(j journal.Journal) uint64 {
	if r, can := j.(journal.Reporter); can {
		return r.Stats().Damaged
	}
	return 0
}

// begin counts, and writes the first line.
func (x *exporter) begin(ctx context.Context) error {
	fresh, err := x.fresh(ctx)
	if err != nil {
		return err
	}
	positions, err := x.journal.Positions(ctx)
	if err != nil {
		return err
	}
	h := header{Version: version, Epoch: text(fresh)}
	for _, p := range positions[:x.journal.Parts()] {
		h.Position = max(h.Position, p)
	}
	var names []string
	count := func() error {
		heads, err := x.journal.Heads(ctx, names)
		for i := range heads {
			h.Rooms++
			h.Entries += uint64(heads[i].Last + 1 - heads[i].First)
		}
		names = names[:0]
		return err
	}
	err = x.lister.Rooms(ctx, func(room string) error {
		if names = append(names, room); len(names) < headsAtOnce {
			return nil
		}
		return count()
	})
	if err == nil {
		err = count()
	}
	if err != nil {
		return err
	}
	x.progress.AllRooms, x.progress.AllEntries = h.Rooms, h.Entries
	x.tell(x.progress)
	return x.to.write(h.append)
}

// fresh returns the epoch of a room that the journal does not have. It is that of a later life in some part of the feed, if
// a room was ever forgotten.
func (x *exporter) fresh(ctx context.Context) (epoch string, err error) {
	for seen, i := map[int]bool{}, 0; len(seen) < x.journal.Parts(); i++ {
		name := noRoom + strconv.Itoa(i)
		if part := x.journal.Part(name); seen[part] {
			continue
		} else {
			seen[part] = true
		}
		page, err := x.journal.Read(ctx, journal.Query{Room: name})
		if err != nil {
			return "", err
		}
		epoch = page.Epoch
		if _, born, _ := journal.CutEpoch(epoch); born > 0 {
			break
		}
	}
	return epoch, nil
}

// room writes a room and its entries.
func (x *exporter) room(ctx context.Context, name string) error {
	q := journal.Query{Room: name, Limit: pageEntries, Bytes: pageBytes}
	page, err := x.journal.Read(ctx, q)
	if err != nil {
		return err
	}
	heads, err := x.journal.Heads(ctx, []string{name})
	if err != nil {
		return err
	}
	r := roomLine{Name: text(name), Epoch: text(page.Epoch), First: page.First, Last: page.Last, At: heads[0].At, Dropped: page.Dropped, State: heads[0].State}
	if err := x.to.write(r.append); err != nil {
		return err
	}
	next := page.First
	for {
		for i := range page.Entries {
			e := &page.Entries[i]
			if e.Seq != next {
				return missing(name, next, e.Seq-1)
			}
			next++
			if err := x.to.write(func(b []byte) []byte { return appendEntry(b, e) }); err != nil {
				return err
			}
		}
		x.progress.Entries += uint64(len(page.Entries))
		x.tell(x.progress)
		if !page.More {
			break
		}
		q.After = next - 1
		if page, err = x.journal.Read(ctx, q); err != nil {
			return err
		}
		if len(page.Entries) == 0 {
			break
		}
	}
	if next <= r.Last {
		return missing(name, next, r.Last)
	}
	x.progress.Rooms++
	return nil
}

func missing(room string, from, to journal.Seq) error {
	return fmt.Errorf("room %q: the entries %d to %d can't be read: %s", room, from, to, damagedThere)
}

const damagedThere = "the store is damaged there. Put a backup in its place, and export that. If there is none, start Caddy with " +
	"this journal: `caddy chat export` without --journal has what can be read"
