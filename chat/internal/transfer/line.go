package transfer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// AppendLine appends the line of an entry, with its end.
func AppendLine(dst []byte, epoch string, e *journal.Entry) []byte {
	w := wire.EntryOf(e)
	// What earlier versions did not show in a frame stands beside it.
	w.Mentions, w.Quiet, w.Edited, w.Via = nil, false, 0, ""
	if e.Kind.HasTarget() {
		w.Body, w.Text = nil, false
	} else {
		w.Target = 0
	}
	dst = wire.AppendString(append(dst, `{"epoch":`...), epoch)
	dst = w.Append(append(dst, `,"entry":`...))
	dst = appendRest(dst, e)
	return append(dst, "}\n"...)
}

// appendRest appends what the frame of an entry does not show.
func appendRest(dst []byte, e *journal.Entry) []byte {
	r := rest{Quiet: e.Quiet, Mentions: e.Mentions, Via: e.Via, Edited: uint64(e.Edited)}
	if !e.Kind.HasTarget() {
		r.Reply = uint64(e.Target)
	}
	if !e.Kind.HasSender() && !e.Kind.HasTarget() && !e.Kind.Governs() && e.From.ID != "" {
		r.From = &lineUser{ID: e.From.ID, Name: e.From.Name, Avatar: e.From.Avatar, Guest: e.From.Guest}
	}
	if e.Kind.HasTarget() && len(e.Body) > 0 {
		r.Body = e.Body
		if e.Text {
			r.Body = wire.AppendString(nil, e.Body)
		}
	}
	text, err := appendJSON(nil, &r)
	if err != nil || len(text) <= len("{}") {
		return dst // err is nil: a body is JSON
	}
	return append(append(dst, ','), text[1:len(text)-1]...)
}

// rest is what stands in a line beside its frame. Fields that say nothing are absent.
type rest struct {
	Quiet    bool            `json:"quiet,omitempty"`
	Mentions []string        `json:"mentions,omitempty"`
	Via      string          `json:"via,omitempty"`
	Reply    uint64          `json:"reply,omitempty"`  // the message that a message replies to
	Edited   uint64          `json:"edited,omitempty"` // the newest edit of a message
	From     *lineUser       `json:"from,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"` // of an entry whose frame has none
}

// line is an entry as AppendLine writes it.
type line struct {
	rest
	Conversation *conversation `json:"conversation"` // then nothing else is there
	Marks        *marks        `json:"marks"`        // then nothing else is there
	Epoch        string        `json:"epoch"`
	Entry        *struct {
		Type     string          `json:"type"`
		Room     roomName        `json:"room"`
		Seq      uint64          `json:"seq"`
		At       int64           `json:"at"`
		From     lineUser        `json:"from"`
		Key      string          `json:"key"`
		Body     json.RawMessage `json:"body"`
		Target   uint64          `json:"target"`
		Recalled bool            `json:"recalled"`
		governing
	} `json:"entry"`
}

// governing are the fields of entries that say who belongs to a room, or what it is called.
type governing struct {
	Users  []lineUser `json:"users,omitempty"`
	Role   string     `json:"role,omitempty"`
	Owner  *lineUser  `json:"owner,omitempty"`
	Title  string     `json:"title,omitempty"`
	Avatar string     `json:"avatar,omitempty"`
	About  string     `json:"about,omitempty"`
	Closed bool       `json:"closed,omitempty"`
}

// check returns an error if the fields are none of an entry of that kind.
func (g *governing) check(kind journal.Kind) error {
	if kind == journal.Info && (g.Users != nil || g.Role != "" || g.Owner != nil) || kind == journal.Member && g.Closed {
		return errors.New("users, role and owner belong to the type member, and closed to the type info")
	}
	if kind == journal.Member {
		if _, err := access.ParseRole(g.Role); err != nil {
			return fmt.Errorf("entry.role: %w", err)
		}
	}
	for i := range g.Users {
		if err := g.Users[i].check(fmt.Sprintf("entry.users[%d]", i)); err != nil {
			return err
		}
	}
	if g.Owner != nil {
		if err := g.Owner.check("entry.owner"); err != nil {
			return err
		}
	}
	return checkTexts("entry", g.Title, g.Avatar, g.About)
}

// body returns the body of an entry of that kind; nil if it is of another one, or if there
// is none.
func (g *governing) body(kind journal.Kind) ([]byte, error) {
	given, err := json.Marshal(g)
	switch {
	case err != nil:
		return nil, err
	case kind == journal.Info:
		i := wire.Info{Title: g.Title, Avatar: g.Avatar, About: g.About, Closed: g.Closed}
		return i.Append(nil), nil
	case kind == journal.Member:
		m := wire.Members{Role: g.Role, Title: g.Title, Avatar: g.Avatar, About: g.About}
		for _, u := range g.Users {
			m.Users = append(m.Users, wire.User(u.user()))
		}
		if g.Owner != nil {
			owner := wire.User(g.Owner.user())
			m.Owner = &owner
		}
		return m.Append(nil), nil
	case len(given) > len("{}"):
		return nil, errors.New("users, role, owner, title, avatar, about and closed belong to the types member and info")
	}
	return nil, nil
}

// clockSlack is how far in the future the time of an imported entry may be: the
// clock of the machine that it comes from may be ahead.
const clockSlack = time.Hour

// parseLine reads a line, of an entry, of a conversation or of marks. direct returns the
// name of the conversation of two users. What parseLine returns shares no memory with the
// line.
func parseLine(text []byte, direct func(user, other string) (string, error), now time.Time) (e journal.Entry, of *conversation, m *marks, err error) {
	var l line
	if err := wire.Unmarshal(text, &l); err != nil {
		return e, nil, nil, err
	}
	switch {
	case l.Entry != nil && l.Conversation == nil && l.Marks == nil:
		if err = l.Entry.Room.resolve(direct); err == nil {
			e, err = l.entry(now)
		}
	case l.Entry == nil && !l.isAlone():
		err = errors.New("entry is missing, or something stands beside conversation or marks")
	case l.Entry == nil && l.Conversation != nil && l.Marks == nil:
		if of, err = l.Conversation, l.Conversation.Room.resolve(direct); err == nil {
			err = of.check()
		}
	case l.Entry == nil && l.Conversation == nil && l.Marks != nil:
		m, err = l.Marks, l.Marks.Room.resolve(direct)
	default:
		err = errors.New("entry is missing, or something stands beside it")
	}
	return e, of, m, err
}

// isAlone reports whether there is nothing that stands beside an entry.
func (l *line) isAlone() bool {
	beside, err := json.Marshal(&l.rest)
	return err == nil && string(beside) == "{}" && l.Epoch == ""
}

// entry returns the entry of the line.
func (l *line) entry(now time.Time) (journal.Entry, error) {
	e := journal.Entry{
		Room:     l.Entry.Room.name,
		From:     l.Entry.From.user(),
		Key:      l.Entry.Key,
		Target:   journal.Seq(l.Entry.Target),
		Body:     l.Entry.Body,
		Seq:      journal.Seq(l.Entry.Seq),
		At:       l.Entry.At,
		Recalled: l.Entry.Recalled,
		Quiet:    l.Quiet,
		Mentions: l.Mentions,
		Via:      l.Via,
		Edited:   journal.Seq(l.Edited),
	}
	var known bool
	if e.Kind, known = journal.KindNamed(l.Entry.Type); !known {
		return e, errors.New("type must be that of an entry, such as message, recalled or notice")
	}
	if err := cmp.Or(l.addRest(&e), l.checkSaid(), l.Entry.check(e.Kind)); err != nil {
		return e, err
	}
	body, err := l.Entry.body(e.Kind)
	if err != nil {
		return e, err
	}
	if e.Kind.Governs() && e.Body != nil {
		return e, errors.New("an entry of the type member or info has no body")
	}
	if body != nil {
		e.Body = body
	}
	err = checkEntry(&e, now)
	e.From = access.CleanUser(e.From)
	return e, err
}

// checkSaid returns an error if nobody can have said so.
func (l *line) checkSaid() error {
	if l.Entry.From != (lineUser{}) {
		if err := l.Entry.From.check("entry.from"); err != nil {
			return err
		}
	}
	if l.From != nil {
		if err := l.From.check("from"); err != nil {
			return err
		}
	}
	if len(l.Epoch) > wire.MaxEpoch {
		return fmt.Errorf("epoch must be a string of at most %d bytes", wire.MaxEpoch)
	}
	if l.Via != "" {
		if err := access.CheckKeyName(l.Via); err != nil {
			return fmt.Errorf("via: %w", err)
		}
	}
	return cmp.Or(check("entry.key", wire.KeyText, l.Entry.Key), wire.CheckMentions("mentions", l.Mentions))
}

// addRest adds what stands beside the frame, where the frame has no place for it.
func (r *rest) addRest(e *journal.Entry) error {
	switch {
	case r.Reply > 0 && (e.Kind.HasTarget() || e.Target > 0):
		return errors.New("reply belongs to an entry without target")
	case r.Body != nil && !e.Kind.HasTarget():
		return errors.New("body belongs into the entry, unless that has a target")
	case r.From != nil && e.From.ID != "":
		return errors.New("from is there twice")
	case e.Kind.HasTarget() != (e.Target > 0):
		return errors.New("target must be the number of an earlier message, in an entry that has one")
	case e.Kind.HasTarget() && e.Body != nil:
		return errors.New("body stands beside an entry that has a target")
	case e.Kind.HasTarget():
		e.Body = r.Body
	default:
		e.Target = journal.Seq(r.Reply)
	}
	if r.From != nil {
		e.From = r.From.user()
	}
	return nil
}

// checkEntry returns an error if a hub could not have recorded such an entry.
func checkEntry(e *journal.Entry, now time.Time) error {
	if err := journal.CheckRoom(e.Room); err != nil {
		return err
	}
	if isServers(e.Room) {
		return errServers
	}
	if journal.IsReserved(e.Room) && e.Kind.Governs() {
		return errors.New("a user's own room has no entries of the types member and info")
	}
	if err := journal.CheckEntry(e); err != nil {
		return err
	}
	hasBody := e.Body != nil
	switch {
	case e.Seq < 1 || e.Seq > wire.MaxSeq:
		return fmt.Errorf("seq must be from 1 to %d", uint64(wire.MaxSeq))
	case e.At < 1 || e.At > now.Add(clockSlack).UnixMilli():
		return errors.New("at must be Unix milliseconds, and not in the future by more than an hour")
	case !e.Kind.Counts() && (e.Key != "" || e.Quiet):
		return errors.New("key and quiet belong to the types message and notice alone")
	case e.Target > 0 && !e.Kind.HasTarget() && !e.Kind.Erasable():
		return errors.New("reply belongs to the type message alone")
	case len(e.Mentions) > 0 && !e.Kind.HasTarget() && !e.Kind.Erasable():
		return errors.New("mentions belong to the type message, and to entries about one")
	case e.Kind.HasSender() && e.From.ID == "":
		return errors.New("from is missing")
	case e.Target >= e.Seq && e.Target > 0:
		return errors.New("target must be the number of an earlier message")
	case (e.Recalled || e.Edited > 0) && !e.Kind.Erasable():
		return errors.New("recalled and edited belong to type message alone")
	case e.Edited > 0 && (e.Edited <= e.Seq || e.Edited > wire.MaxSeq):
		return errors.New("edited must be the number of a later entry")
	case hasBody && (e.Recalled || e.Kind.Effect() == journal.Erase):
		return errors.New("body must be there, unless the message is recalled")
	case !hasBody && !e.Recalled && !e.Kind.HasTarget():
		return errors.New("body must be there, unless the message is recalled")
	}
	if !hasBody {
		return nil
	}
	if e.Kind == journal.Tag {
		var of wire.Fields
		of.Text("room", e.Room)
		of.Number("seq", strconv.FormatUint(uint64(e.Target), 10))
		_, err := wire.DecodeRequest("tag", of, e.Body, func(name string) bool { return name == "tag" || name == "value" || name == "shared" })
		return told("body", err)
	}
	said, err := wire.DecodePost(append(append([]byte(`{"body":`), e.Body...), '}'))
	if err == nil {
		e.Body = said.Body
	}
	return told("body", err)
}
