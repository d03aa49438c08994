package move

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// version is that of the lines.
const version = 1

// line is one line without its sum. One of the fields is set.
type line struct {
	Export *header     `json:"export"`
	Room   *roomLine   `json:"room"`
	Entry  *entryLine  `json:"entry"`
	Record *recordLine `json:"record"`
	End    *totals     `json:"end"`
}

type header struct {
	Version  int              `json:"version"`
	Epoch    text             `json:"epoch"`    // of a room that the journal does not have
	Position journal.Position `json:"position"` // the newest
	Rooms    uint64           `json:"rooms"`
	Entries  uint64           `json:"entries"`
}

type roomLine struct {
	Name    text        `json:"name"`
	Epoch   text        `json:"epoch"`
	First   journal.Seq `json:"first"`
	Last    journal.Seq `json:"last"`
	At      int64       `json:"at"`
	Dropped uint64      `json:"dropped"`
	State   journal.Seq `json:"state"`
}

type entryLine struct {
	Seq      journal.Seq `json:"seq"`
	Kind     uint8       `json:"kind"` // as journals have it on disk
	At       int64       `json:"at"`
	Count    uint64      `json:"count"`
	User     text        `json:"user"`
	Name     text        `json:"name"`
	Avatar   text        `json:"avatar"`
	Guest    bool        `json:"guest"`
	Key      text        `json:"key"`
	Via      text        `json:"via"`
	Target   journal.Seq `json:"target"`
	Edited   journal.Seq `json:"edited"`
	Mentions []text      `json:"mentions"`
	Quiet    bool        `json:"quiet"`
	Recalled bool        `json:"recalled"`
	Text     bool        `json:"text"`
	Body     *text       `json:"body"`
}

type recordLine struct {
	Key   text        `json:"key"`
	Value text        `json:"value"`
	Seq   journal.Seq `json:"seq"`
	Count uint64      `json:"count"`
}

type totals struct {
	Rooms   uint64 `json:"rooms"`
	Entries uint64 `json:"entries"`
	Records uint64 `json:"records"`
}

// text is a string of any bytes.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var other struct{ Bytes []byte }
		err := json.Unmarshal(b, &other)
		*t = text(other.Bytes)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

func appendText(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return append(base64.StdEncoding.AppendEncode(append(b, `{"bytes":"`...), []byte(s)), `"}`...)
	}
	return wire.AppendString(b, s)
}

// fields appends the fields of an object, and leaves out what is zero.
type fields struct{ b []byte }

func (f *fields) name(name string) {
	if f.b[len(f.b)-1] != '{' {
		f.b = append(f.b, ',')
	}
	f.b = append(append(append(f.b, '"'), name...), `":`...)
}

func (f *fields) number(name string, n uint64) {
	if n > 0 {
		f.name(name)
		f.b = strconv.AppendUint(f.b, n, 10)
	}
}

func (f *fields) text(name, s string) {
	if s != "" {
		f.name(name)
		f.b = appendText(f.b, s)
	}
}

func (f *fields) is(name string, is bool) {
	if is {
		f.name(name)
		f.b = append(f.b, "true"...)
	}
}

func begin(b []byte, kind string) fields {
	return fields{append(append(append(b, `{"`...), kind...), `":{`...)}
}

func (h *header) append(b []byte) []byte {
	f := begin(b, "export")
	f.number("version", uint64(h.Version))
	f.text("epoch", string(h.Epoch))
	f.number("position", uint64(h.Position))
	f.number("rooms", h.Rooms)
	f.number("entries", h.Entries)
	return append(f.b, '}')
}

func (r *roomLine) append(b []byte) []byte {
	f := begin(b, "room")
	f.text("name", string(r.Name))
	f.text("epoch", string(r.Epoch))
	f.number("first", uint64(r.First))
	f.number("last", uint64(r.Last))
	f.number("at", uint64(r.At))
	f.number("dropped", r.Dropped)
	f.number("state", uint64(r.State))
	return append(f.b, '}')
}

func (r *roomLine) head() journal.Head {
	return journal.Head{Epoch: string(r.Epoch), First: r.First, Last: r.Last, At: r.At, Dropped: r.Dropped, State: r.State}
}

func appendEntry(b []byte, e *journal.Entry) []byte {
	f := begin(b, "entry")
	f.number("seq", uint64(e.Seq))
	f.number("kind", uint64(e.Kind))
	f.number("at", uint64(e.At))
	f.number("count", e.Count)
	f.text("user", e.From.ID)
	f.text("name", e.From.Name)
	f.text("avatar", e.From.Avatar)
	f.is("guest", e.From.Guest)
	f.text("key", e.Key)
	f.text("via", e.Via)
	f.number("target", uint64(e.Target))
	f.number("edited", uint64(e.Edited))
	if len(e.Mentions) > 0 {
		f.name("mentions")
		for i, m := range e.Mentions {
			f.b = appendText(append(f.b, "[,"[min(i, 1)]), m)
		}
		f.b = append(f.b, ']')
	}
	f.is("quiet", e.Quiet)
	f.is("recalled", e.Recalled)
	f.is("text", e.Text)
	if e.Body != nil {
		f.name("body")
		f.b = appendText(f.b, string(e.Body))
	}
	return append(f.b, '}')
}

func (l *entryLine) entry(room string) (journal.Entry, error) {
	kind := journal.Kind(l.Kind)
	if !kind.Recorded() {
		return journal.Entry{}, fmt.Errorf("%d is no kind of entry", l.Kind)
	}
	e := journal.Entry{
		Room: room, Kind: kind, Seq: l.Seq, At: l.At, Count: l.Count,
		From: journal.User{ID: string(l.User), Name: string(l.Name), Avatar: string(l.Avatar), Guest: l.Guest},
		Key:  string(l.Key), Via: string(l.Via), Target: l.Target, Edited: l.Edited,
		Quiet: l.Quiet, Recalled: l.Recalled, Text: l.Text,
	}
	for _, m := range l.Mentions {
		e.Mentions = append(e.Mentions, string(m))
	}
	if l.Body != nil {
		e.Body = []byte(*l.Body)
	}
	return e, nil
}

func appendRecord(b []byte, r *journal.Record) []byte {
	f := begin(b, "record")
	f.text("key", r.Key)
	f.text("value", string(r.Value))
	f.number("seq", uint64(r.Stamp.Seq))
	f.number("count", r.Stamp.Count)
	return append(f.b, '}')
}

func (l *recordLine) record() journal.Record {
	return journal.Record{Key: string(l.Key), Value: []byte(l.Value), Stamp: journal.Stamp{Seq: l.Seq, Count: l.Count}}
}

func (t *totals) append(b []byte) []byte {
	f := begin(b, "end")
	f.number("rooms", t.Rooms)
	f.number("entries", t.Entries)
	f.number("records", t.Records)
	return append(f.b, '}')
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer writes lines with their sums.
type writer struct {
	to  *bufio.Writer
	sum uint32
	buf []byte
}

// write writes a line, whose content add appends.
func (w *writer) write(add func([]byte) []byte) error {
	w.buf = add(w.buf[:0])
	w.sum = crc32.Update(w.sum, castagnoli, w.buf)
	w.buf = fmt.Appendf(w.buf, `,"sum":"%08x"}`+"\n", w.sum)
	_, err := w.to.Write(w.buf)
	return err
}

// sumLength is that of the end of a line.
const sumLength = len(`,"sum":"00000000"}`)

// reader reads lines and checks their sums.
type reader struct {
	from *bufio.Reader
	sum  uint32
	n    uint64 // lines that were read
	buf  []byte
}

// errCut says that a file ends before its end.
var errCut = errors.New("the export is cut: its last line is missing. Copy the file again, or export again")

// next returns the next line without its sum, and its end. It is valid until the next call.
func (r *reader) next() ([]byte, error) {
	r.buf = r.buf[:0]
	for {
		piece, err := r.from.ReadSlice('\n')
		r.buf = append(r.buf, piece...)
		switch {
		case err == io.EOF:
			return nil, errCut
		case err != nil && err != bufio.ErrBufferFull:
			return nil, fmt.Errorf("line %d: %w", r.n+1, err)
		case len(r.buf) > journal.MaxLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes: it is no export of a journal", r.n+1, journal.MaxLine)
		}
		if err == nil {
			break
		}
	}
	r.n++
	text := bytes.TrimSuffix(r.buf[:len(r.buf)-1], []byte{'\r'})
	cut := len(text) - sumLength
	if cut < 1 {
		return nil, r.damaged()
	}
	r.sum = crc32.Update(r.sum, castagnoli, text[:cut])
	if string(text[cut:]) != fmt.Sprintf(`,"sum":"%08x"}`, r.sum) {
		return nil, r.damaged()
	}
	return text[:cut], nil
}

func (r *reader) damaged() error {
	return fmt.Errorf("line %d is damaged, or lines before it are missing: its sum is another one. Copy the file again, or export again", r.n)
}

// parse reads a line that next has returned.
func (r *reader) parse(b []byte) (l line, err error) {
	if err := json.Unmarshal(append(bytes.Clone(b), '}'), &l); err != nil {
		return l, fmt.Errorf("line %d can't be read: %w", r.n, err)
	}
	return l, nil
}
