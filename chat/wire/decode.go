package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Decode reads one frame of a client. The error is always an [*Error] and can be
// answered as it is: it carries the command's id wherever that could be read. p
// is not kept. How long p may be is for the caller to bound.
func Decode(p []byte) (Command, error) {
	r := reader{frame: frame{p: p}}
	r.read()
	if c := r.command(); r.err == nil {
		return c, nil
	}
	return nil, r.err
}

// DecodePost reads the body of an HTTP request that sends a message and returns
// the message's body. The error is always an [*Error]. p is not kept.
func DecodePost(p []byte) ([]byte, error) {
	r := reader{frame: frame{p: p}}
	r.read()
	if body := r.body(); r.err == nil {
		return body, nil
	}
	return nil, r.err
}

// reader takes the fields of a command out of a frame. Once one of them is
// wrong, err says which and the rest does not matter.
type reader struct {
	frame
	part int // 1 for the first of a hello's rooms and so on; 0 for a whole frame
	id   string
	err  *Error
}

// read checks the whole frame, which must be one JSON object, and its id.
func (r *reader) read() {
	if !utf8.Valid(r.p) {
		r.refuse(BadFrame, "", "a frame must be UTF-8")
		return
	}
	s := scanner{p: r.p}
	s.spaces()
	ok := s.object(1, &r.frame)
	if s.spaces(); ok && s.i < len(s.p) {
		ok = s.fail("something follows the object")
	}
	r.id = r.text(fieldID, MaxID)
	if !ok {
		r.refuse(BadFrame, "", "a frame must be one JSON object: "+s.fault)
	}
}

// command reads the fields that commands of the frame's type have.
func (r *reader) command() Command {
	if r.err != nil {
		return nil
	}
	typ := r.value(fieldType)
	if !isString(typ) {
		r.wrong(fieldType, "must be a string")
		return nil
	}
	switch unquote(typ) {
	case "hello":
		return r.hello()
	case "join":
		return &Join{r.id, r.place()}
	case "leave":
		return &Leave{r.id, r.room()}
	case "send":
		return &Send{ID: r.id, Room: r.room(), Key: r.word(fieldKey, MaxKey), Body: r.body()}
	case "history":
		return r.history()
	case "recall":
		return &Recall{r.id, r.room(), r.seq()}
	case "typing":
		return &Typing{r.id, r.room()}
	case "read":
		return &Read{r.id, r.room(), r.seq()}
	case "who":
		return &Who{r.id, r.room()}
	case "ping":
		return &Ping{r.id}
	case "renew":
		return &Renew{r.id, r.needed(fieldToken, r.text(fieldToken, MaxToken))}
	case "mute":
		return &Mute{r.id, r.anyRoom(), r.user(), r.length()}
	case "kick":
		return &Kick{r.id, r.anyRoom(), r.user()}
	case "ban":
		return &Ban{r.id, r.anyRoom(), r.user(), r.length()}
	}
	r.refuse(UnknownType, "", UnknownType.Reason())
	return nil
}

func (r *reader) hello() *Hello {
	return &Hello{
		ID:     r.id,
		Token:  r.text(fieldToken, MaxToken),
		Device: r.word(fieldDevice, MaxDevice),
		Name:   r.name(),
		Avatar: r.avatar(),
		Rooms:  r.rooms(),
	}
}

func (r *reader) history() *History {
	h := &History{ID: r.id, Room: r.room(), Forward: r.value(fieldAfter) != nil}
	if h.Forward && r.value(fieldBefore) != nil {
		r.wrong(fieldBefore, "can't stand beside after")
	}
	h.After = r.number(fieldAfter, 0, MaxSeq)
	h.Before = r.number(fieldBefore, 1, MaxSeq)
	h.Limit = int(min(r.number(fieldLimit, 1, MaxSeq), 1<<30)) // any int holds it
	return h
}

// place reads a room and what the client has of it.
func (r *reader) place() Place {
	p := Place{Room: r.room(), Resume: r.value(fieldAfter) != nil}
	epoch := r.text(fieldEpoch, MaxEpoch)
	if p.Resume {
		p.Epoch = r.needed(fieldEpoch, epoch)
		p.After = r.number(fieldAfter, 0, MaxSeq)
	}
	return p
}

// rooms reads the rooms of a hello.
func (r *reader) rooms() []Place {
	list := r.value(fieldRooms)
	if list == nil {
		return nil
	}
	if list[0] != '[' {
		r.wrong(fieldRooms, "must be an array")
		return nil
	}
	var places []Place
	s := scanner{p: list}
	s.array(1, func() bool {
		if len(places) == MaxHelloRooms {
			r.wrong(fieldRooms, fmt.Sprintf("has more than %d elements", MaxHelloRooms))
			return false
		}
		p, err := r.element(&s, len(places))
		if err != nil {
			r.err = err
			return false
		}
		places = append(places, p)
		return true
	})
	r.unique(places)
	return places
}

// element reads the i-th of the rooms of a hello.
func (r *reader) element(s *scanner, i int) (Place, *Error) {
	e := reader{frame: frame{p: s.p}, part: i + 1, id: r.id}
	if s.p[s.i] != '{' || !s.object(2, &e.frame) {
		name := roomName(i)
		e.refuse(BadFrame, name, name+" must be an object that names nothing twice")
		return Place{}, e.err
	}
	return e.place(), e.err
}

// roomName is what the i-th of the rooms of a hello is called in errors.
func roomName(i int) string { return fmt.Sprintf("%s[%d]", fieldRooms, i) }

// unique refuses a room that is named twice: its answers could not be told
// apart.
func (r *reader) unique(places []Place) {
	seen := make(map[string]bool, len(places))
	for i, p := range places {
		if seen[p.Room] {
			r.refuse(BadFrame, roomName(i), roomName(i)+" is there already")
			return
		}
		seen[p.Room] = true
	}
}

func (r *reader) room() string { return r.needed(fieldRoom, r.anyRoom()) }

// anyRoom reads a room that need not be there.
func (r *reader) anyRoom() string {
	v := r.value(fieldRoom)
	if v == nil {
		return ""
	}
	if !isString(v) {
		r.wrong(fieldRoom, "must be a string")
		return ""
	}
	room := unquote(v)
	if room == "" || len(room) > MaxRoom || strings.ContainsFunc(room, unicode.IsControl) {
		r.refuse(BadRoom, r.called(fieldRoom), BadRoom.Reason())
		return ""
	}
	return room
}

func (r *reader) user() string { return r.needed(fieldUser, r.text(fieldUser, MaxUser)) }

func (r *reader) name() string {
	name := r.word(fieldName, MaxName*utf8.UTFMax)
	if utf8.RuneCountInString(name) > MaxName {
		r.wrong(fieldName, fmt.Sprintf("must be at most %d characters long", MaxName))
	}
	return name
}

// avatar reads a URL that a page can show without running what is in it.
func (r *reader) avatar() string {
	url := r.word(fieldAvatar, MaxAvatar)
	if url != "" && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		r.wrong(fieldAvatar, "must be an http or https URL")
	}
	return url
}

func (r *reader) body() []byte {
	if r.raw(fieldBody) == nil {
		r.wrong(fieldBody, "is missing")
		return nil
	}
	if r.err != nil {
		return nil // spare the copy
	}
	return r.frame.body()
}

func (r *reader) seq() uint64 {
	if r.value(fieldSeq) == nil {
		r.wrong(fieldSeq, "is missing")
	}
	return r.number(fieldSeq, 1, MaxSeq)
}

// length reads how long a mute or a ban lasts.
func (r *reader) length() time.Duration {
	if r.value(fieldFor) == nil {
		return Forever
	}
	return time.Duration(r.number(fieldFor, 0, uint64(MaxFor/time.Millisecond))) * time.Millisecond
}

// word reads a string without control characters.
func (r *reader) word(f field, max int) string {
	text := r.text(f, max)
	if strings.ContainsFunc(text, unicode.IsControl) {
		r.wrong(f, "must not have control characters")
	}
	return text
}

// text reads a string of at most max bytes; one that is not there is empty.
func (r *reader) text(f field, max int) string {
	v := r.value(f)
	if v == nil {
		return ""
	}
	if isString(v) {
		if text := unquote(v); len(text) <= max {
			return text
		}
	}
	r.wrong(f, fmt.Sprintf("must be a string of at most %d bytes", max))
	return ""
}

// number reads an integer, 0 where there is none. It must be written in digits
// only: what 1e3 or 3.0 means is a matter of opinion in some languages.
func (r *reader) number(f field, min, max uint64) uint64 {
	v := r.value(f)
	if v == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil || n < min || n > max {
		r.wrong(f, fmt.Sprintf("must be an integer from %d to %d", min, max))
	}
	return n
}

// needed refuses a text that is not there or empty.
func (r *reader) needed(f field, text string) string {
	if text == "" {
		r.wrong(f, "is missing")
	}
	return text
}

// wrong refuses the frame for a field, unless it is refused already.
func (r *reader) wrong(f field, what string) {
	r.refuse(BadFrame, r.called(f), r.called(f)+" "+what)
}

// called is what a field is called in errors.
func (r *reader) called(f field) string {
	if r.part > 0 {
		return roomName(r.part-1) + "." + f.String()
	}
	return f.String()
}

func (r *reader) refuse(code Code, field, message string) {
	if r.err != nil {
		return
	}
	r.err = code.Error(r.id)
	r.err.Field, r.err.Message = field, message
}
