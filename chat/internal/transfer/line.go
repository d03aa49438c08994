package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// AppendLine appends the line of an entry, with its end.
func AppendLine(dst []byte, epoch string, e *journal.Entry) []byte {
	w := wire.EntryOf(e)
	dst = wire.AppendString(append(dst, `{"epoch":`...), epoch)
	dst = w.Append(append(dst, `,"entry":`...))
	return append(dst, "}\n"...)
}

// line is an entry as AppendLine writes it.
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

// clockSlack is how far in the future the time of an imported entry may be: the
// clock of the machine that it comes from may be ahead.
const clockSlack = time.Hour

// parseLine reads a line. The entry shares no memory with it.
func parseLine(text []byte, now time.Time) (journal.Entry, error) {
	if !utf8.Valid(text) {
		return journal.Entry{}, errors.New("it is not UTF-8")
	}
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return journal.Entry{}, fmt.Errorf("it is not the JSON of an entry: %w", err)
	}
	if _, extra := d.Token(); extra != io.EOF {
		return journal.Entry{}, errors.New("there is something behind the entry")
	}
	if l.Entry == nil {
		return journal.Entry{}, errors.New("entry is missing")
	}
	e := journal.Entry{
		Room:     l.Entry.Room,
		From:     journal.User(l.Entry.From),
		Key:      l.Entry.Key,
		Target:   journal.Seq(l.Entry.Target),
		Body:     l.Entry.Body,
		Seq:      journal.Seq(l.Entry.Seq),
		At:       l.Entry.At,
		Recalled: l.Entry.Recalled,
	}
	var known bool
	if e.Kind, known = journal.KindNamed(l.Entry.Type); !known {
		return e, errors.New("type must be message, recalled or notice")
	}
	err := checkEntry(&e, now)
	e.From = access.CleanUser(e.From)
	return e, err
}

// checkEntry returns an error if a hub could not have recorded such an entry.
func checkEntry(e *journal.Entry, now time.Time) error {
	if err := journal.CheckRoom(e.Room); err != nil {
		return err
	}
	hasBody := e.Body != nil
	switch {
	case e.Seq < 1 || e.Seq > wire.MaxSeq:
		return fmt.Errorf("seq must be from 1 to %d", uint64(wire.MaxSeq))
	case e.At < 1 || e.At > now.Add(clockSlack).UnixMilli():
		return errors.New("at must be Unix milliseconds, and not in the future by more than an hour")
	case len(e.From.ID) > wire.MaxUser || utf8.RuneCountInString(e.From.Name) > wire.MaxName || len(e.From.Avatar) > wire.MaxAvatar:
		return fmt.Errorf("from is too long: id may have %d bytes, name %d characters and avatar %d bytes", wire.MaxUser, wire.MaxName, wire.MaxAvatar)
	case len(e.Key) > wire.MaxKey:
		return fmt.Errorf("key may have %d bytes", wire.MaxKey)
	case e.Kind.HasSender() && e.From.ID == "":
		return errors.New("from is missing")
	case e.Kind.HasTarget() != (e.Target > 0) || e.Target >= e.Seq && e.Target > 0:
		return errors.New("target must be the number of an earlier message, in type recalled alone")
	case e.Recalled && !e.Kind.Erasable():
		return errors.New("recalled belongs to type message alone")
	case hasBody == (e.Recalled || e.Kind.HasTarget()):
		return errors.New("body must be there, unless the message is recalled")
	}
	if !hasBody {
		return nil
	}
	body, err := wire.DecodePost(append(append([]byte(`{"body":`), e.Body...), '}'))
	e.Body = body
	return err
}
