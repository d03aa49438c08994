package wire

import (
	"fmt"

	"github.com/caddychat/caddy-chat/chat/internal/jsonbytes"
)

// Decode decodes one frame from a client. Its error is always an [*Error] that
// can be sent as the answer: it has the command's id if that could be read. The
// caller bounds the length of p. Decode does not keep p.
func Decode(p []byte) (Command, error) {
	r := reader{object: object{p: p}, element: -1}
	r.frame()
	if c := command(&r); r.err == nil {
		return c, nil
	}
	return nil, r.err
}

// DecodePost decodes the body of an HTTP request that sends a message: a [Send] without
// its room and key. Its error is always an [*Error]. It does not keep p.
func DecodePost(p []byte) (*Send, error) {
	r := reader{object: object{p: p}, element: -1}
	r.frame()
	if c := message(&r); r.err == nil {
		return c, nil
	}
	return nil, r.err
}

// message reads what is said, whatever the door.
func message(r *reader) *Send {
	c := &Send{ID: r.id, Reply: r.number(fieldReply, 1, MaxSeq), Mentions: r.mentions(), Body: r.body()}
	if quiet := r.flag(fieldQuiet); quiet != nil {
		c.Quiet = *quiet
	}
	if notice := r.flag(fieldNotice); notice != nil {
		c.Notice = *notice
	}
	if c.Notice && (c.Reply > 0 || len(c.Mentions) > 0) {
		r.wrong(fieldNotice, "must not be given together with reply or mentions")
	}
	return c
}

// send reads a message with its room and its key.
func send(r *reader) *Send {
	room, key := r.room(), r.given(fieldKey, r.line(fieldKey, KeyText))
	c := message(r)
	c.Room, c.Key = room, key
	return c
}

// command reads the fields that commands of the frame's type have.
func command(r *reader) Command {
	if r.err != nil {
		return nil
	}
	typ := r.value(fieldType)
	if !isString(typ) {
		r.wrong(fieldType, "must be a string")
		return nil
	}
	name := unquote(typ)
	switch name {
	case "hello":
		return hello(r)
	case "join":
		return &Join{r.id, place(r)}
	case "leave":
		return &Leave{r.id, r.room()}
	case "send":
		return send(r)
	case "history":
		return history(r)
	case "edit":
		return &Edit{ID: r.id, Room: r.room(), Seq: r.seq(), Key: r.given(fieldKey, r.line(fieldKey, KeyText)), Body: r.body()}
	case "tag":
		return setTag(r)
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
		return &Renew{r.id, r.required(fieldToken, r.text(fieldToken, MaxToken))}
	case "mute":
		return &Mute{r.id, r.optionalRoom(), r.user(), r.duration()}
	case "kick":
		return &Kick{r.id, r.optionalRoom(), r.user()}
	case "ban":
		return &Ban{r.id, r.optionalRoom(), r.user(), r.duration()}
	}
	if c, ok := conversation(r, name); ok {
		return c
	}
	r.refuse(UnknownType, "", UnknownType.Reason())
	return nil
}

func setTag(r *reader) *SetTag {
	c := &SetTag{ID: r.id, Room: r.room(), Seq: r.seq(), Tag: r.required(fieldTag, r.line(fieldTag, TagText))}
	if shared := r.flag(fieldShared); shared != nil {
		c.Shared = *shared
	}
	v := r.value(fieldValue)
	switch flag := string(v) == "true" || string(v) == "false"; {
	case v == nil:
		r.wrong(fieldValue, "is missing")
	case !c.Shared && !flag:
		r.wrong(fieldValue, "must be true or false, unless shared is true")
	case len(v) > MaxTagValue:
		r.wrong(fieldValue, fmt.Sprintf("must be at most %d bytes long", MaxTagValue))
	case r.err == nil:
		c.Value = jsonbytes.AppendCompact(make([]byte, 0, len(v)), v)
	}
	return c
}

func hello(r *reader) *Hello {
	return &Hello{
		ID:     r.id,
		Token:  r.token(),
		Device: r.given(fieldDevice, r.line(fieldDevice, DeviceText)),
		Name:   r.shown(fieldName),
		Avatar: r.shown(fieldAvatar),
		Rooms:  rooms(r),
		List:   listFrom(r),
	}
}

func history(r *reader) *History {
	h := &History{ID: r.id, Room: r.room(), Forward: r.value(fieldAfter) != nil}
	if h.Forward && r.value(fieldBefore) != nil {
		r.wrong(fieldBefore, "must not be given together with after")
	}
	h.After = r.number(fieldAfter, 0, MaxSeq)
	h.Before = r.number(fieldBefore, 1, MaxSeq)
	h.Limit = int(min(r.number(fieldLimit, 1, MaxSeq), 1<<30)) // int may have 32 bits
	return h
}

// place reads a room and the last entry of it that the client has.
func place(r *reader) Place {
	p := Place{Room: r.room(), Resume: r.value(fieldAfter) != nil}
	epoch := r.text(fieldEpoch, MaxEpoch)
	if p.Resume {
		p.Epoch = r.required(fieldEpoch, epoch)
		p.After = r.number(fieldAfter, 0, MaxSeq)
	}
	return p
}

// rooms reads the rooms of a hello.
func rooms(r *reader) []Place {
	list := r.value(fieldRooms)
	if list == nil || r.err != nil {
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
		p, err := element(r, &s, len(places))
		if err != nil {
			r.err = err
			return false
		}
		places = append(places, p)
		return true
	})
	refuseDuplicates(r, places)
	return places
}

// element reads the i-th of the rooms of a hello.
func element(r *reader, s *scanner, i int) (Place, *Error) {
	e := reader{object: object{p: s.p}, element: i, id: r.id}
	if s.p[s.i] != '{' || !e.scan(s, 2) {
		e.refuse(BadFrame, roomLabel(i), roomLabel(i)+" must be an object that has no field twice")
		return Place{}, e.err
	}
	return place(&e), e.err
}

// refuseDuplicates refuses a hello that names a room twice: the client could not
// tell the two answers apart.
func refuseDuplicates(r *reader, places []Place) {
	seen := make(map[string]bool, len(places))
	for i, p := range places {
		if seen[p.Room] {
			r.refuse(BadFrame, roomLabel(i), roomLabel(i)+" names the same room as an earlier element")
			return
		}
		seen[p.Room] = true
	}
}
