package wire

import "time"

// appendRoomCommand appends a command that has a room and no other field.
func appendRoomCommand(dst []byte, typ, id, room string) []byte {
	return append(appendField(beginID(dst, typ, id), "room", room), '}')
}

// Append appends the frame to dst.
func (c *Hello) Append(dst []byte) []byte {
	dst = beginID(dst, "hello", c.ID)
	dst = appendOptional(dst, "token", c.Token)
	dst = appendOptional(dst, "device", c.Device)
	dst = appendOptional(dst, "name", c.Name)
	dst = appendOptional(dst, "avatar", c.Avatar)
	if len(c.Rooms) > 0 {
		dst = appendName(dst, "rooms")
		for i := range c.Rooms {
			dst = append(dst, "[,"[min(i, 1)])
			dst = append(dst, `{"room":`...)
			dst = AppendString(dst, c.Rooms[i].Room)
			dst = append(c.Rooms[i].appendResume(dst), '}')
		}
		dst = append(dst, ']')
	}
	if c.List != nil {
		dst = c.List.append(dst)
	}
	return append(dst, '}')
}

func (l *ListFrom) append(dst []byte) []byte {
	dst = appendName(dst, "list")
	start := len(dst)
	dst = appendOptional(dst, "since", l.Since)
	if l.Limit > 0 {
		dst = appendInt(dst, "limit", l.Limit)
	}
	return asObject(dst, start)
}

// appendResume appends the last entry that the client has, if it has one.
func (p *Place) appendResume(dst []byte) []byte {
	if !p.Resume {
		return dst
	}
	dst = appendField(dst, "epoch", p.Epoch)
	return appendInt(dst, "after", p.After)
}

// Append appends the frame to dst.
func (c *Join) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "join", c.ID), "room", c.Room)
	return append(c.appendResume(dst), '}')
}

// Append appends the frame to dst.
func (c *Leave) Append(dst []byte) []byte { return appendRoomCommand(dst, "leave", c.ID, c.Room) }

// Append appends the frame to dst.
func (c *Send) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "send", c.ID), "room", c.Room)
	dst = appendOptional(dst, "key", c.Key)
	dst = appendMarks(dst, c.Reply, c.Mentions, c.Quiet)
	if c.Notice {
		dst = appendBool(dst, "notice", true)
	}
	dst = append(appendName(dst, "body"), c.Body...)
	return append(dst, '}')
}

// Append appends the frame to dst.
func (c *History) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "history", c.ID), "room", c.Room)
	if c.Forward {
		dst = appendInt(dst, "after", c.After)
	} else if c.Before > 0 {
		dst = appendInt(dst, "before", c.Before)
	}
	if c.Limit > 0 {
		dst = appendInt(dst, "limit", c.Limit)
	}
	return append(dst, '}')
}

// Append appends the frame to dst.
func (c *Edit) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "edit", c.ID), "room", c.Room)
	dst = appendOptional(appendInt(dst, "seq", c.Seq), "key", c.Key)
	dst = append(appendName(dst, "body"), c.Body...)
	return append(dst, '}')
}

// Append appends the frame to dst.
func (c *SetTag) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "tag", c.ID), "room", c.Room)
	return append(c.appendTag(appendInt(dst, "seq", c.Seq)), '}')
}

// AppendBody appends the body of the entry of a tag to dst, as a JSON object.
func (c *SetTag) AppendBody(dst []byte) []byte {
	start := len(dst)
	return asObject(c.appendTag(dst), start)
}

func (c *SetTag) appendTag(dst []byte) []byte {
	dst = appendField(dst, "tag", c.Tag)
	dst = append(appendName(dst, "value"), c.Value...)
	if c.Shared {
		dst = appendBool(dst, "shared", true)
	}
	return dst
}

// Append appends the frame to dst.
func (c *Recall) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "recall", c.ID), "room", c.Room)
	return append(appendInt(dst, "seq", c.Seq), '}')
}

// Append appends the frame to dst.
func (c *Typing) Append(dst []byte) []byte { return appendRoomCommand(dst, "typing", c.ID, c.Room) }

// Append appends the frame to dst.
func (c *Read) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "read", c.ID), "room", c.Room)
	return append(appendInt(dst, "seq", c.Seq), '}')
}

// Append appends the frame to dst.
func (c *Who) Append(dst []byte) []byte { return appendRoomCommand(dst, "who", c.ID, c.Room) }

// Append appends the frame to dst.
func (c *Ping) Append(dst []byte) []byte { return append(beginID(dst, "ping", c.ID), '}') }

// Append appends the frame to dst.
func (c *Renew) Append(dst []byte) []byte {
	return append(appendField(beginID(dst, "renew", c.ID), "token", c.Token), '}')
}

// Append appends the frame to dst.
func (c *Mute) Append(dst []byte) []byte {
	return appendSanction(dst, "mute", c.ID, c.Room, c.User, c.For)
}

// Append appends the frame to dst.
func (c *Kick) Append(dst []byte) []byte {
	return appendSanction(dst, "kick", c.ID, c.Room, c.User, Forever)
}

// Append appends the frame to dst.
func (c *Ban) Append(dst []byte) []byte {
	return appendSanction(dst, "ban", c.ID, c.Room, c.User, c.For)
}

// appendSanction appends a moderator's command.
func appendSanction(dst []byte, typ, id, room, user string, d time.Duration) []byte {
	dst = appendOptional(beginID(dst, typ, id), "room", room)
	dst = appendField(dst, "user", user)
	return append(appendFor(dst, d), '}')
}
