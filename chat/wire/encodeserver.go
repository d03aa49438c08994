package wire

import (
	"strconv"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// IsBot reports whether an id is that of a key of a site.
func IsBot(id string) bool { return strings.HasPrefix(id, "bot-") }

func (u *User) append(dst []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendString(dst, u.ID)
	dst = appendField(dst, "name", u.Name)
	dst = appendOptional(dst, "avatar", u.Avatar)
	if u.Guest {
		dst = append(dst, `,"guest":true`...)
	}
	if IsBot(u.ID) {
		dst = append(dst, `,"bot":true`...)
	}
	return append(dst, '}')
}

func appendUser(dst []byte, name string, u *User) []byte {
	return u.append(appendName(dst, name))
}

func appendList[T any](dst []byte, name string, list []T, element func(*T, []byte) []byte) []byte {
	dst = append(appendName(dst, name), '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = element(&list[i], dst)
	}
	return append(dst, ']')
}

// Append appends the entry to dst. It is the same as a frame and in a list.
func (e *Entry) Append(dst []byte) []byte {
	dst = appendField(begin(dst, e.Kind.Name()), "room", e.Room)
	dst = appendInt(dst, "seq", e.Seq)
	dst = appendInt(dst, "at", e.At)
	if e.Kind.HasSender() || (e.Kind.HasTarget() || e.Kind.Governs()) && e.From.ID != "" {
		dst = appendUser(dst, "from", &e.From)
	}
	dst = appendOptional(dst, "via", e.Via)
	switch {
	case e.Kind.HasTarget():
		dst = appendInt(dst, "target", e.Target)
		switch e.Kind.Effect() {
		case journal.Replace:
			dst = e.appendBody(dst)
		case journal.NoEffect:
			return appendMembers(dst, e.Body)
		}
	case e.Kind.Governs():
		return appendMembers(dst, e.Body)
	case e.Gone:
		dst = appendOptional(dst, "key", e.Key)
		dst = appendMarks(dst, e.Target, nil, e.Quiet)
		dst = appendBool(dst, "recalled", true)
	default:
		dst = appendOptional(dst, "key", e.Key)
		dst = appendMarks(dst, e.Target, e.Mentions, e.Quiet)
		dst = e.appendBody(dst)
		if e.Edited > 0 {
			dst = appendInt(dst, "edited", e.Edited)
		}
		if len(e.Tags) > 0 {
			dst = appendList(dst, "tags", e.Tags, (*Tag).append)
		}
	}
	return append(dst, '}')
}

// appendMembers appends the members of a body, and the end of the object.
func appendMembers(dst, body []byte) []byte {
	if len(body) <= len("{}") {
		return append(dst, '}')
	}
	return append(append(dst, ','), body[1:]...) // which has the brace
}

func (t *Tag) append(dst []byte) []byte {
	dst = AppendString(append(dst, `{"tag":`...), t.Tag)
	if t.Value != nil {
		dst = append(appendName(dst, "value"), t.Value...)
		return append(dst, '}')
	}
	dst = appendBool(appendInt(dst, "users", t.Users), "mine", t.Mine)
	return append(appendList(dst, "some", t.Some, appendID), '}')
}

func (e *Entry) appendBody(dst []byte) []byte {
	if len(e.Body) == 0 && !e.Text {
		return dst // an entry that consists of its records, or of its target alone
	}
	dst = appendName(dst, "body")
	if e.Text {
		return AppendString(dst, e.Body)
	}
	return append(dst, e.Body...)
}

// appendState appends the fields of a room that was joined, without its name.
func (r *Room) appendState(dst []byte) []byte {
	dst = appendField(dst, "epoch", r.Epoch)
	dst = appendInt(dst, "last", r.Last)
	dst = appendList(dst, "entries", r.Entries, (*Entry).Append)
	dst = appendBool(dst, "more", r.More)
	dst = appendBool(dst, "gap", r.Gap)
	if r.Members >= 0 {
		dst = appendInt(dst, "members", r.Members)
	}
	dst = appendInt(dst, "read", r.Read)
	dst = appendInt(dst, "unread", r.Unread)
	return r.appendRights(dst)
}

// appendRights appends what the user may do there, and what the room is.
func (r *Room) appendRights(dst []byte) []byte {
	dst = appendBool(dst, "write", r.Write)
	dst = appendBool(dst, "moderate", r.Moderate)
	if len(r.Pins) > 0 {
		dst = appendList(dst, "pins", r.Pins, func(seq *uint64, dst []byte) []byte { return strconv.AppendUint(dst, *seq, 10) })
	}
	if c := r.Conversation; c != nil {
		dst = c.append(dst)
	}
	return dst
}

func (c *Conversation) append(dst []byte) []byte {
	dst = appendTexts(dst, c.Title, c.Avatar, c.About)
	if c.Closed {
		dst = appendBool(dst, "closed", true)
	}
	dst = appendField(dst, "role", c.Role)
	dst = appendInt(dst, "size", c.Size)
	if c.With != nil {
		dst = appendUser(dst, "with", c.With)
	}
	return dst
}

// append appends one of the rooms of a welcome.
func (r *Room) append(dst []byte) []byte {
	dst = append(dst, `{"room":`...)
	dst = AppendString(dst, r.Name)
	if r.Refused == nil {
		return append(r.appendState(dst), '}')
	}
	return append(r.Refused.appendReason(dst), '}')
}

func appendTexts(dst []byte, title, avatar, about string) []byte {
	dst = appendOptional(dst, "title", title)
	dst = appendOptional(dst, "avatar", avatar)
	return appendOptional(dst, "about", about)
}

func (l *Listed) append(dst []byte) []byte {
	start := len(dst)
	dst = appendField(dst, "at", l.At)
	dst = appendBool(dst, "all", l.All)
	dst = appendBool(dst, "live", l.Live)
	dst = appendList(dst, "rows", l.Rows, (*Row).element)
	dst = appendOptional(dst, "next", l.Next)
	dst = appendBool(dst, "more", l.Next != "")
	if l.All {
		dst = appendInt(dst, "unread", l.Unread)
	}
	return asObject(dst, start)
}

func (r *Row) element(dst []byte) []byte {
	dst = AppendString(append(dst, `{"room":`...), r.Room)
	return r.appendRest(dst)
}

func (r *Row) appendRest(dst []byte) []byte {
	if r.Gone {
		return append(appendBool(dst, "gone", true), '}')
	}
	dst = appendTexts(dst, r.Title, r.Avatar, "")
	if r.Closed {
		dst = appendBool(dst, "closed", true)
	}
	dst = appendInt(dst, "size", r.Size)
	dst = appendField(dst, "epoch", r.Epoch)
	dst = appendInt(dst, "last", r.Last)
	dst = appendInt(dst, "at", r.At)
	dst = appendInt(dst, "count", r.Count)
	if r.Entry != nil {
		dst = r.Entry.Append(appendName(dst, "entry"))
	}
	if r.Cut {
		dst = appendBool(dst, "cut", true)
	}
	dst = appendField(dst, "role", r.Role)
	if r.With != nil {
		dst = appendUser(dst, "with", r.With)
	}
	dst = appendInt(dst, "read", r.Read)
	dst = appendInt(dst, "unread", r.Unread)
	if r.Mention > 0 {
		dst = appendInt(dst, "mention", r.Mention)
	}
	dst = appendBool(dst, "notify", r.Notify)
	dst = appendBool(dst, "top", r.Top)
	if r.Hidden {
		dst = appendBool(dst, "hidden", true)
	}
	if r.Block {
		dst = appendBool(dst, "block", true)
	}
	return append(dst, '}')
}

func (l *Limits) append(dst []byte) []byte {
	dst = append(dst, `{"message":`...)
	dst = strconv.AppendInt(dst, int64(l.Message), 10)
	dst = appendInt(dst, "text", l.Text)
	dst = appendInt(dst, "page", l.Page)
	dst = appendInt(dst, "rooms", l.Rooms)
	dst = appendMillis(dst, "recall", l.Recall)
	return append(appendMillis(dst, "edit", l.Edit), '}')
}

// Append appends the frame to dst.
func (f *Welcome) Append(dst []byte) []byte {
	dst = beginID(dst, "welcome", f.ID)
	dst = appendField(dst, "session", f.Session)
	dst = appendInt(dst, "at", f.At)
	dst = appendUser(dst, "user", &f.User)
	dst = appendOptional(dst, "token", f.Token)
	dst = appendExpires(dst, f.Expires)
	dst = appendMillis(dst, "ping", f.Ping)
	dst = f.Limits.append(appendName(dst, "limits"))
	dst = appendList(dst, "rooms", f.Rooms, (*Room).append)
	if f.List != nil {
		dst = f.List.append(appendName(dst, "list"))
	}
	return append(dst, '}')
}

// appendExpires appends nothing for a token that never expires.
func appendExpires(dst []byte, at int64) []byte {
	if at == 0 {
		return dst
	}
	return appendInt(dst, "expires", at)
}

// Append appends the frame to dst.
func (f *Joined) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "joined", f.ID), "room", f.Room.Name)
	return append(f.Room.appendState(dst), '}')
}

// Append appends the frame to dst.
func (f *OK) Append(dst []byte) []byte {
	return append(appendOptional(beginID(dst, "ok", f.ID), "room", f.Room), '}')
}

// Append appends the frame to dst.
func (f *Sent) Append(dst []byte) []byte {
	return f.appendRest(appendField(beginID(dst, "ok", f.ID), "room", f.Room))
}

// appendRest appends what follows the room, and the end of the object.
func (f *Sent) appendRest(dst []byte) []byte {
	if f.Seq > 0 {
		dst = appendInt(dst, "seq", f.Seq)
		dst = appendInt(dst, "at", f.At)
	}
	return append(appendBool(dst, "duplicate", f.Duplicate), '}')
}

// Append appends the frame to dst.
func (f *Marked) Append(dst []byte) []byte {
	return appendMark(beginID(dst, "ok", f.ID), f.Room, f.Seq, f.Unread)
}

// appendMark appends a read mark and the end of the frame.
func appendMark(dst []byte, room string, seq, unread uint64) []byte {
	dst = appendField(dst, "room", room)
	dst = appendInt(dst, "seq", seq)
	return append(appendInt(dst, "unread", unread), '}')
}

// Append appends the frame to dst.
func (f *Renewed) Append(dst []byte) []byte {
	return append(appendExpires(beginID(dst, "ok", f.ID), f.Expires), '}')
}

// Append appends the frame to dst.
func (f *Page) Append(dst []byte) []byte {
	return f.appendRest(appendField(beginID(dst, "history", f.ID), "room", f.Room))
}

// appendRest appends what follows the room, and the end of the object.
func (f *Page) appendRest(dst []byte) []byte {
	dst = appendField(dst, "epoch", f.Epoch)
	dst = appendList(dst, "entries", f.Entries, (*Entry).Append)
	return append(appendBool(dst, "more", f.More), '}')
}

// Append appends the frame to dst.
func (f *Roster) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "who", f.ID), "room", f.Room)
	dst = appendList(dst, "users", f.Users, (*User).append)
	return append(appendInt(dst, "members", f.Members), '}')
}

// Append appends the frame to dst.
func (f *Pong) Append(dst []byte) []byte { return append(beginID(dst, "pong", f.ID), '}') }

// Append appends the frame to dst.
func (f *Presence) Append(dst []byte) []byte {
	dst = appendField(begin(dst, "presence"), "room", f.Room)
	dst = appendList(dst, "joined", f.Joined, (*User).append)
	dst = appendList(dst, "left", f.Left, (*User).append)
	return append(appendInt(dst, "members", f.Members), '}')
}

// Append appends the frame to dst.
func (f *Writing) Append(dst []byte) []byte {
	dst = appendField(begin(dst, "typing"), "room", f.Room)
	return append(appendUser(dst, "from", &f.From), '}')
}

// Append appends the frame to dst.
func (f *Mark) Append(dst []byte) []byte {
	return appendMark(begin(dst, "read"), f.Room, f.Seq, f.Unread)
}

// Append appends the frame to dst.
func (f *Expiring) Append(dst []byte) []byte {
	return append(appendInt(begin(dst, "expiring"), "expires", f.Expires), '}')
}

// Append appends the frame to dst.
func (f *Silenced) Append(dst []byte) []byte {
	dst = appendOptional(begin(dst, "muted"), "room", f.Room)
	return append(appendFor(dst, f.For), '}')
}

// Append appends the frame to dst.
func (f *Removed) Append(dst []byte) []byte {
	dst = appendField(begin(dst, "removed"), "room", f.Room)
	return append(f.Why.appendReason(dst), '}')
}
