package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Export calls each for every entry that is kept, as a line that Import reads:
// room by room, beginning after the entry with the number after in the room from.
// So an export that was interrupted can go on where it was. An empty from means the
// beginning; if there is no room from, the error wraps ErrNoRoom. Behind the entries of a
// conversation there is a line with its members, and behind those of a room lines with
// what its messages are tagged with and whom they mention. If only is set, it is
// that room alone. Rooms that belong to the server are left out, since no import takes
// them, but those of its users: @ and an id. Behind the entries of such a room there is a line
// with what its user has of it. The line is valid during the call only. Without a lister, only may not be empty.
// If something could not be read, the error wraps ErrDamaged, behind the last line.
func Export(ctx context.Context, j Source, lister journal.Lister, only, from string, after journal.Seq, each func(line []byte) error) error {
	counting := &counting{Source: j}
	if err := export(ctx, counting, lister, only, from, after, each); err != nil {
		return err
	}
	if counting.missing > 0 {
		return fmt.Errorf("%w (%d entries)", ErrDamaged, counting.missing)
	}
	return nil
}

func export(ctx context.Context, j Source, lister journal.Lister, only, from string, after journal.Seq, each func(line []byte) error) error {
	if only != "" {
		return exportWhole(ctx, j, only, after, each)
	}
	if lister == nil {
		return fmt.Errorf("export all rooms: the journal can't list them: %w", errors.ErrUnsupported)
	}
	reached := from == ""
	err := lister.Rooms(ctx, func(room string) error {
		switch {
		case isServers(room):
			return nil
		case room == from:
			reached = true
			return exportWhole(ctx, j, room, after, each)
		case !reached:
			return nil
		}
		return exportWhole(ctx, j, room, 0, each)
	})
	if err == nil && !reached {
		return fmt.Errorf("export from room %q: %w", from, ErrNoRoom)
	}
	return err
}

// ErrNoRoom is wrapped by the error of an export that cannot go on where it was.
var ErrNoRoom = errors.New("there is no such room")

// ErrDamaged is wrapped by the error of an export that has all that could be read, and lacks
// something.
var ErrDamaged = errors.New("the journal is damaged, and what could not be read is missing: put a backup in its place, and export that")

// counting counts what is missing of what is read.
type counting struct {
	Source
	missing int
}

// Read implements Source.
func (c *counting) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	page, err := c.Source.Read(ctx, q)
	c.missing += page.Damaged
	return page, err
}

// So many entries, or bytes of entries, are read at once.
const (
	exportPage  = 500
	exportBytes = 1 << 20
)

// History calls each for the last entries of a room, at most newest of them, below the
// number before or up to the end if that is 0, as lines like those of Export, oldest
// first.
func History(ctx context.Context, j Source, room string, before journal.Seq, newest uint64, each func(line []byte) error) error {
	page, err := read(ctx, j, journal.Query{Room: room})
	if err != nil {
		return err
	}
	end := page.Last + 1
	if before > 0 {
		end = min(before, end)
	}
	_, err = exportPart(ctx, j, room, end-journal.Seq(min(newest, uint64(end-1)))-1, end, each)
	return err
}

// exportPart calls each for the entries of a room above the number after and below end. It
// returns the number of the last one.
func exportPart(ctx context.Context, j Source, room string, after, end journal.Seq, each func(line []byte) error) (last journal.Seq, err error) {
	var line []byte
	for {
		page, err := read(ctx, j, journal.Query{Room: room, After: after, Limit: exportPage, Bytes: exportBytes})
		if err != nil {
			return after, err
		}
		for i := range page.Entries {
			if page.Entries[i].Seq >= end {
				return after, nil
			}
			after = page.Entries[i].Seq
			line = AppendLine(line[:0], page.Epoch, &page.Entries[i])
			if err := each(line); err != nil {
				return after, err
			}
		}
		if !page.More || len(page.Entries) == 0 {
			return after, nil
		}
	}
}

// settleTries is how often an export reads a conversation again because it has changed
// meanwhile.
const settleTries = 100

// exportWhole is exportPart up to the end of a room, and then its members, as of an entry
// that was exported.
func exportWhole(ctx context.Context, j Source, room string, after journal.Seq, each func(line []byte) error) error {
	for range settleTries {
		last, err := exportPart(ctx, j, room, after, journal.Newest, each)
		if err != nil {
			return err
		}
		after = last
		state, err := loadMembers(ctx, j, room)
		if err != nil {
			return err
		}
		if state.Version == 0 {
			state.Name = room
			if err := exportOwnRoom(ctx, j, room, after, each); err != nil {
				return err
			}
			return exportTagged(ctx, j, &state, after, each)
		}
		again, err := loadMembers(ctx, j, room)
		if err != nil {
			return err
		}
		if state.Version != again.Version {
			continue
		}
		if state.Version > after {
			if after, err = exportState(ctx, j, &state, after, each); err != nil {
				return err
			}
			continue
		}
		line, err := conversationLine(ctx, j, &state, after)
		if err != nil {
			return err
		}
		if err := each(line); err != nil {
			return err
		}
		return exportTagged(ctx, j, &state, after, each)
	}
	return fmt.Errorf("export room %q: its members change all the time", room)
}

// exportState exports what a conversation is called as its newest governing entry, if none of its
// entries above the number after is kept: an import needs one, and the members are still there. It
// returns the number of that entry.
func exportState(ctx context.Context, j Source, s *members.State, after journal.Seq, each func(line []byte) error) (journal.Seq, error) {
	page, err := read(ctx, j, journal.Query{Room: s.Name, After: after, Limit: 1})
	if err != nil || len(page.Entries) > 0 {
		return after, err
	}
	heads, err := j.Heads(ctx, []string{s.Name})
	if err != nil {
		return after, err
	}
	info := wire.Info{Title: s.Title, Avatar: s.Avatar, About: s.About, Closed: s.Closed}
	e := journal.Entry{Room: s.Name, Kind: journal.Info, Seq: s.Version, At: heads[0].At, Body: info.Append(nil)}
	return e.Seq, each(AppendLine(nil, page.Epoch, &e))
}

func loadMembers(ctx context.Context, j Source, room string) (members.State, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return members.Load(ctx, j.Records(), room, nil, true)
}

// exportOwnRoom exports what a user has of the own room, unless that is nothing.
func exportOwnRoom(ctx context.Context, j Source, room string, upTo journal.Seq, each func(line []byte) error) error {
	if !access.IsOwnRoom(room) {
		return nil
	}
	c := ownRoom(room)
	line, err := lineOf(ctx, j, c, upTo)
	if err != nil || c.saysNothing() {
		return err
	}
	return each(line)
}

func conversationLine(ctx context.Context, j Source, s *members.State, upTo journal.Seq) ([]byte, error) {
	return lineOf(ctx, j, conversationOf(s), upTo)
}

// lineOf returns the line of a conversation, with what is each member's own.
func lineOf(ctx context.Context, j Source, c *conversation, upTo journal.Seq) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := c.addOwn(ctx, j, upTo); err != nil {
		return nil, err
	}
	return c.append(nil)
}

func exportTagged(ctx context.Context, j Source, s *members.State, upTo journal.Seq, each func(line []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return exportMarks(ctx, j.Records(), s, upTo, each)
}
