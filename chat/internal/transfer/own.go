package transfer

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// addOwn sets what the members of a conversation have of it, up to an entry.
func (c *conversation) addOwn(ctx context.Context, j Source, upTo journal.Seq) error {
	page, err := j.Read(ctx, journal.Query{Room: c.Room.name})
	if err != nil {
		return err
	}
	ids, keys, marks := c.keys()
	shown, err := profiles.Profiles{Records: j.Records()}.Of(ctx, ids)
	if err != nil {
		return err
	}
	rows, err := j.Records().GetMany(ctx, keys)
	if err != nil {
		return err
	}
	read, err := readmarks.New(j.Records()).Get(ctx, marks)
	if err != nil {
		return err
	}
	for i := range c.Members {
		m := &c.Members[i]
		s, err := list.ParseSettings(rows[i])
		if err != nil {
			return err
		}
		s = s.In(page.Epoch)
		m.Name, m.Avatar, m.Guest = shown[i].Name, shown[i].Avatar, shown[i].Guest
		m.own = own{
			Read: min(read[i].In(page.Epoch).Seq, upTo), Top: s.Top, Hidden: s.IsHidden(page.Count),
			Cleared: min(s.Cleared, upTo), Block: s.Block,
		}
		if s.Silent {
			m.Notify = new(bool)
		}
	}
	return nil
}

// keys returns the ids of the members, and the keys of their settings and marks.
func (c *conversation) keys() (ids, settings []string, marks []readmarks.Key) {
	for _, m := range c.Members {
		ids = append(ids, m.ID)
		settings = append(settings, list.SettingsKey(m.ID, c.Room.name))
		marks = append(marks, readmarks.Key{User: m.ID, Room: c.Room.name, Member: true})
	}
	return ids, settings, marks
}

// restorer finds out what a conversation's line stands for in the journal that has the
// entries before it.
type restorer struct {
	journal Target
	of      *conversation
	page    journal.Page           // of the room, without entries
	counts  map[journal.Seq]uint64 // that were looked up
}

// countAt returns how many counting entries there are up to an entry.
func (r *restorer) countAt(ctx context.Context, seq journal.Seq) (uint64, error) {
	if n, known := r.counts[seq]; known {
		return n, nil
	}
	page, err := read(ctx, r.journal, journal.Query{Room: r.of.Room.name, After: seq - 1, Limit: 1})
	if err != nil {
		return 0, err
	}
	n := page.Count
	if len(page.Entries) > 0 {
		e := &page.Entries[0]
		if n = e.Count; e.Seq > seq && e.Kind.Counts() && !e.Quiet {
			n--
		}
	}
	r.counts[seq] = n
	return n, nil
}

// own returns the records of what members have of the conversation. They are written
// where there are none: a name or settings that a user has here stay.
func (r *restorer) own(ctx context.Context) (records []journal.Record, err error) {
	add := func(record journal.Record, err error) error {
		records = append(records, record)
		return err
	}
	for i := range r.of.Members {
		m := &r.of.Members[i]
		if last := r.page.Last; m.Read > last || m.Cleared > last {
			return nil, fmt.Errorf("member %q: read and cleared must be numbers of entries of the room, whose last one is %d", m.ID, last)
		}
		if m.Name != "" || m.Avatar != "" || m.Guest {
			if err := add(profiles.Restored(m.user())); err != nil {
				return nil, err
			}
		}
		settings, err := r.settings(ctx, m)
		if err == nil && settings != (list.Settings{}) {
			err = add(settings.Restored(m.ID, r.of.Room.name, r.page.Epoch))
		}
		if err != nil {
			return nil, err
		}
		if m.Read > 0 {
			mark, err := r.mark(ctx, m)
			if err == nil {
				err = add(readmarks.Restored(r.key(m), mark))
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return records, nil
}

func (r *restorer) key(m *memberLine) readmarks.Key {
	return readmarks.Key{User: m.ID, Room: r.of.Room.name, Member: true}
}

func (r *restorer) mark(ctx context.Context, m *memberLine) (readmarks.Mark, error) {
	count, err := r.countAt(ctx, m.Read)
	return readmarks.Mark{Epoch: r.page.Epoch, Seq: m.Read, Count: count}, err
}

func (r *restorer) settings(ctx context.Context, m *memberLine) (s list.Settings, err error) {
	s = list.Settings{Silent: m.Notify != nil && !*m.Notify, Top: m.Top, Block: m.Block, Cleared: m.Cleared}
	if m.Hidden {
		s.Hidden, s.HiddenEmpty = r.page.Count, r.page.Count == 0
	}
	if m.Cleared > 0 {
		s.ClearedCount, err = r.countAt(ctx, m.Cleared)
	}
	return s, err
}

// moveMarks moves the marks that were there already, and returns how many it moved.
func (r *restorer) moveMarks(ctx context.Context) (moved int, err error) {
	var keys []readmarks.Key
	for i := range r.of.Members {
		keys = append(keys, r.key(&r.of.Members[i]))
	}
	marks := readmarks.New(r.journal.Records())
	there, err := marks.Get(ctx, keys)
	if err != nil {
		return 0, err
	}
	for i := range r.of.Members {
		m := &r.of.Members[i]
		if there[i].In(r.page.Epoch).Seq >= m.Read {
			continue
		}
		to, err := r.mark(ctx, m)
		if err != nil {
			return moved, err
		}
		_, did, err := marks.Move(ctx, keys[i], netip.Addr{}, to, 0)
		if err != nil {
			return moved, err
		}
		if did {
			moved++
		}
	}
	return moved, nil
}
