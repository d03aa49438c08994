package wire

// Append appends the frame to dst.
func (c *Create) Append(dst []byte) []byte {
	dst = beginID(dst, "create", c.ID)
	dst = appendOptional(dst, "direct", c.Direct)
	dst = appendOptional(dst, "key", c.Key)
	dst = appendOptional(dst, "pattern", c.Pattern)
	dst = appendTexts(dst, c.Title, c.Avatar, c.About)
	if len(c.Users) > 0 {
		dst = appendList(dst, "users", c.Users, appendID)
	}
	dst = appendOptional(appendOptional(dst, "room", c.Room), "owner", c.Owner)
	return append(dst, '}')
}

// Append appends the frame to dst.
func (c *SetMembers) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "member", c.ID), "room", c.Room)
	dst = appendList(dst, "users", c.Users, appendID)
	return append(appendField(dst, "role", c.Role), '}')
}

// Append appends the frame to dst.
func (c *ListMembers) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "members", c.ID), "room", c.Room)
	dst = appendOptional(dst, "after", c.After)
	if c.Limit > 0 {
		dst = appendInt(dst, "limit", c.Limit)
	}
	return append(dst, '}')
}

// Append appends the frame to dst.
func (c *SetInfo) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "info", c.ID), "room", c.Room)
	for _, f := range []struct {
		name string
		text *string
	}{{"title", c.Title}, {"avatar", c.Avatar}, {"about", c.About}} {
		if f.text != nil {
			dst = appendField(dst, f.name, *f.text)
		}
	}
	if c.Closed != nil {
		dst = appendBool(dst, "closed", *c.Closed)
	}
	return append(dst, '}')
}

// Append appends the frame to dst.
func (f *Created) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "created", f.ID), "room", f.Room)
	return append(appendBool(dst, "duplicate", f.Duplicate), '}')
}

// Append appends the frame to dst.
func (f *MemberList) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "members", f.ID), "room", f.Room)
	dst = appendList(dst, "users", f.Users, (*MemberOf).append)
	dst = appendInt(dst, "size", f.Size)
	return append(appendBool(dst, "more", f.More), '}')
}

func (m *MemberOf) append(dst []byte) []byte {
	dst = append(dst, `{"user":`...)
	dst = m.User.append(dst)
	dst = appendField(dst, "role", m.Role)
	dst = appendInt(dst, "since", m.Since)
	if m.Read > 0 {
		dst = appendInt(dst, "read", m.Read)
	}
	return append(dst, '}')
}

// Append appends the body to dst, as a JSON object.
func (m *Members) Append(dst []byte) []byte {
	start := len(dst)
	dst = appendList(dst, "users", m.Users, (*User).append)
	dst = appendField(dst, "role", m.Role)
	if m.Owner != nil {
		dst = appendUser(dst, "owner", m.Owner)
	}
	return asObject(appendTexts(dst, m.Title, m.Avatar, m.About), start)
}

// Append appends the body to dst, as a JSON object with the whole state.
func (i *Info) Append(dst []byte) []byte {
	start := len(dst)
	dst = appendField(dst, "title", i.Title)
	dst = appendField(dst, "avatar", i.Avatar)
	dst = appendField(dst, "about", i.About)
	return asObject(appendBool(dst, "closed", i.Closed), start)
}

// Append appends the frame to dst.
func (c *List) Append(dst []byte) []byte {
	dst = appendOptional(beginID(dst, "list", c.ID), "next", c.Next)
	if c.Limit > 0 {
		dst = appendInt(dst, "limit", c.Limit)
	}
	if len(c.Rooms) > 0 {
		dst = appendList(dst, "rooms", c.Rooms, appendID)
	}
	return append(dst, '}')
}

// Append appends the frame to dst.
func (c *SetRow) Append(dst []byte) []byte {
	dst = appendField(beginID(dst, "set", c.ID), "room", c.Room)
	for _, f := range []struct {
		name string
		flag *bool
	}{{"notify", c.Notify}, {"top", c.Top}, {"hide", c.Hide}, {"block", c.Block}} {
		if f.flag != nil {
			dst = appendBool(dst, f.name, *f.flag)
		}
	}
	if c.Clear {
		dst = appendBool(dst, "clear", true)
	}
	return append(dst, '}')
}

// Append appends the row as a frame of its own.
func (r *Row) Append(dst []byte) []byte {
	dst = appendField(begin(dst, "row"), "room", r.Room)
	return r.appendRest(dst)
}

// Append appends the frame to dst.
func (f *Rows) Append(dst []byte) []byte {
	dst = appendList(beginID(dst, "list", f.ID), "rows", f.Rows, (*Row).element)
	dst = appendOptional(dst, "next", f.Next)
	return append(appendBool(dst, "more", f.More), '}')
}

// Shortened returns a body as rows have it: one of more than MaxRowBody bytes is cut to its
// type and the beginning of its text, where these are texts. A field in another letter case is
// another one, as everywhere.
func Shortened(body []byte, text bool) (short []byte, cut bool) {
	switch {
	case len(body) <= MaxRowBody:
		return body, false
	case text:
		return []byte(firstChars(string(body))), true
	case isString(body):
		return AppendString(nil, firstChars(unquote(body))), true
	case body[0] != '{':
		return []byte("{}"), true
	}
	var typ, said string
	s := scanner{p: body}
	s.object(1, func(name []byte) bool {
		start := s.i
		ok := s.value(2)
		switch value := s.p[start:s.i]; {
		case !ok || !isString(value):
		case equalsText(name, "type"):
			typ = firstChars(unquote(value))
		case equalsText(name, "text"):
			said = firstChars(unquote(value))
		}
		return ok
	})
	short = appendField(appendOptional(nil, "type", typ), "text", said)
	short[0] = '{' // in place of a comma
	return append(short, '}'), true
}

// firstChars returns the first characters of a text.
func firstChars(text string) string {
	n := 0
	for i := range text {
		if n == rowChars {
			return text[:i]
		}
		n++
	}
	return text
}

// Append appends the frame to dst.
func (f *Head) Append(dst []byte) []byte {
	dst = appendField(begin(dst, "head"), "room", f.Room)
	dst = appendInt(dst, "last", f.Last)
	dst = appendInt(dst, "at", f.At)
	dst = appendInt(dst, "count", f.Count)
	if f.Entry != nil {
		dst = f.Entry.Append(appendName(dst, "entry"))
	}
	if f.Cut {
		dst = appendBool(dst, "cut", true)
	}
	if i := f.Info; i != nil {
		dst = appendField(appendField(dst, "title", i.Title), "avatar", i.Avatar)
		dst = appendInt(appendBool(dst, "closed", i.Closed), "size", i.Size)
	}
	return append(dst, '}')
}

// Append appends the frame to dst.
func (f *Erased) Append(dst []byte) []byte {
	return append(appendField(appendField(begin(dst, "erased"), "room", f.Room), "user", f.User), '}')
}

// Append appends the frame to dst.
func (f *Seen) Append(dst []byte) []byte {
	dst = appendField(appendField(begin(dst, "seen"), "room", f.Room), "user", f.User)
	return append(appendInt(dst, "seq", f.Seq), '}')
}
