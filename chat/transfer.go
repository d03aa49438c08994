package chat

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// How entries leave a hub and come to another: as JSON lines, each an entry of
// PROTOCOL.md and the epoch that its number is of.

// appendLine appends the line of an entry, with its end.
func appendLine(dst []byte, epoch string, e *Entry) []byte {
	w := wireEntry(e)
	dst = wire.AppendString(append(dst, `{"epoch":`...), epoch)
	dst = w.Append(append(dst, `,"entry":`...))
	return append(dst, "}\n"...)
}

// Export calls each for every entry that is kept, as a line that Import takes,
// room by room, from the one behind after in the room from on; with an empty
// from, all there is. Where only is set, it is that room alone. It may be gone on
// with where it was broken off. The line is only lent for the call.
func (h *Hub) Export(ctx context.Context, only, from string, after Seq, each func(line []byte) error) error {
	if only != "" {
		return h.exportRoom(ctx, only, after, each)
	}
	j, ok := h.journal.(interface {
		Rooms(ctx context.Context, each func(room string) error) error
	})
	if !ok {
		return fmt.Errorf("export all rooms: the journal can't tell them: %w", errors.ErrUnsupported)
	}
	passed := from == ""
	return j.Rooms(ctx, func(room string) error {
		if room == from {
			passed = true
			return h.exportRoom(ctx, room, after, each)
		}
		if !passed {
			return nil
		}
		return h.exportRoom(ctx, room, 0, each)
	})
}

// exportPage is how many entries are read at a time.
const exportPage = 500

func (h *Hub) exportRoom(ctx context.Context, room string, after Seq, each func(line []byte) error) error {
	var line []byte
	for {
		page, err := h.journal.Read(ctx, Query{Room: room, After: after, Limit: exportPage})
		if err != nil {
			return err
		}
		for i := range page.Entries {
			line = appendLine(line[:0], page.Epoch, &page.Entries[i])
			if err := each(line); err != nil {
				return err
			}
			after = page.Entries[i].Seq
		}
		if !page.More || len(page.Entries) == 0 {
			return nil
		}
	}
}

// Imported says how far an import came.
type Imported struct {
	Lines    int `json:"lines"`    // gone through
	Recorded int `json:"recorded"` // of them
	Known    int `json:"known"`    // of them: they were there already
}

// Bounds of an import. What is written at once, in entries and in bytes of
// lines, is kept by one fsync; maxLine bounds one line.
const (
	importEntries = 500
	importBytes   = 1 << 20
	maxLine       = 8 << 20
)

// Import records what Export gave: entries keep their numbers, times, keys and
// senders, and are of this hub's epoch from now on. Those that are there already
// are passed over, so that an import that broke off can be done again. Who is in
// the room hears them.
//
// It stops at the first line that is damaged or does not fit, of which the error
// tells the number, and keeps what came before.
func (h *Hub) Import(ctx context.Context, from io.Reader) (Imported, error) {
	j, ok := h.journal.(Restorer)
	if !ok {
		return Imported{}, fmt.Errorf("import: the journal numbers its entries itself: %w", errors.ErrUnsupported)
	}
	in := importer{hub: h, journal: j}
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		e, err := parseLine(lines.Bytes(), time.Now())
		if err == nil {
			err = in.add(ctx, e, len(lines.Bytes()))
		} else {
			err = in.damaged(ctx, err)
		}
		if err != nil {
			return in.done, err
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("it is longer than %d bytes", maxLine)
	}
	if err != nil {
		return in.done, in.damaged(ctx, err)
	}
	return in.done, in.flush(ctx)
}

// importer gathers entries until there are enough to be written.
type importer struct {
	hub     *Hub
	journal Restorer
	done    Imported
	entries []Entry
	bytes   int
}

func (in *importer) add(ctx context.Context, e Entry, size int) error {
	in.entries = append(in.entries, e)
	in.bytes += size
	if len(in.entries) < importEntries && in.bytes < importBytes {
		return nil
	}
	return in.flush(ctx)
}

// flush writes what was gathered, and waits for the rooms to pass it on.
func (in *importer) flush(ctx context.Context) error {
	recorded, known, err := in.journal.Restore(ctx, in.entries)
	in.done.Recorded += recorded
	in.done.Known += known
	in.done.Lines += recorded + known
	if err != nil {
		return fmt.Errorf("line %d: %w", in.done.Lines+1, err)
	}
	for i := range in.entries {
		if room := in.entries[i].Room; i == 0 || room != in.entries[i-1].Room {
			in.hub.await(room)
		}
	}
	clear(in.entries)
	in.entries, in.bytes = in.entries[:0], 0
	return nil
}

// damaged ends the import at a line that can't be read.
func (in *importer) damaged(ctx context.Context, why error) error {
	if err := in.flush(ctx); err != nil {
		return err
	}
	return fmt.Errorf("line %d: %w", in.done.Lines+1, why)
}

// await waits while a room has more to pass on than it should.
func (h *Hub) await(name string) {
	h.mu.Lock()
	r := h.rooms[name]
	h.mu.Unlock()
	if r != nil {
		r.backlog.pass(backlogLimit)
	}
}

// line is an entry as Export writes it.
type line struct {
	Epoch string `json:"epoch"`
	Entry *struct {
		Type     string          `json:"type"`
		Room     string          `json:"room"`
		Seq      uint64          `json:"seq"`
		At       int64           `json:"at"`
		From     lineUser        `json:"from"`
		Key      string          `json:"key"`
		Body     json.RawMessage `json:"body"`
		Target   uint64          `json:"target"`
		Recalled bool            `json:"recalled"`
	} `json:"entry"`
}

type lineUser struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Avatar string `json:"avatar"`
	Guest  bool   `json:"guest"`
}

// clockSlack is how much later than now an imported entry may be: the clock of
// the machine that it comes from may be ahead.
const clockSlack = time.Hour

// parseLine reads a line. Nothing of the entry shares memory with it.
func parseLine(text []byte, now time.Time) (Entry, error) {
	if !utf8.Valid(text) {
		return Entry{}, errors.New("it is not UTF-8")
	}
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Entry{}, fmt.Errorf("it is not the JSON of an entry: %w", err)
	}
	if _, extra := d.Token(); extra != io.EOF {
		return Entry{}, errors.New("there is something behind the entry")
	}
	if l.Entry == nil {
		return Entry{}, errors.New("entry is missing")
	}
	e := Entry{
		Room:     l.Entry.Room,
		From:     User(l.Entry.From),
		Key:      l.Entry.Key,
		Target:   Seq(l.Entry.Target),
		Body:     l.Entry.Body,
		Seq:      Seq(l.Entry.Seq),
		At:       l.Entry.At,
		Recalled: l.Entry.Recalled,
	}
	for kind, t := range entryTypes {
		if t.String() == l.Entry.Type {
			e.Kind = kind
		}
	}
	return e, checkImported(&e, now)
}

// checkImported checks that an entry could have been recorded here.
func checkImported(e *Entry, now time.Time) error {
	if err := CheckRoom(e.Room); err != nil {
		return err
	}
	hasBody := e.Body != nil
	switch {
	case e.Kind == 0:
		return errors.New("type must be message, recalled or notice")
	case e.Seq < 1 || e.Seq > wire.MaxSeq:
		return fmt.Errorf("seq must be from 1 to %d", uint64(wire.MaxSeq))
	case e.At < 1 || e.At > now.Add(clockSlack).UnixMilli():
		return errors.New("at must be Unix milliseconds, and not in the future")
	case len(e.From.ID) > wire.MaxUser || utf8.RuneCountInString(e.From.Name) > wire.MaxName || len(e.From.Avatar) > wire.MaxAvatar:
		return fmt.Errorf("from is too long: id may have %d bytes, name %d characters and avatar %d bytes", wire.MaxUser, wire.MaxName, wire.MaxAvatar)
	case len(e.Key) > wire.MaxKey:
		return fmt.Errorf("key may have %d bytes", wire.MaxKey)
	case e.Kind == Message && e.From.ID == "":
		return errors.New("from is missing")
	case (e.Kind == Recall) != (e.Target > 0) || e.Target >= e.Seq && e.Target > 0:
		return errors.New("target must be the number of an earlier message, in type recalled alone")
	case e.Recalled && e.Kind != Message:
		return errors.New("recalled belongs to type message alone")
	case hasBody == (e.Recalled || e.Kind == Recall):
		return errors.New("body must be there, unless the message is recalled")
	}
	if !hasBody {
		return nil
	}
	body, err := wire.DecodePost(append(append([]byte(`{"body":`), e.Body...), '}'))
	e.Body = body
	return err
}
