package wire

import (
	"encoding/json"
	"fmt"
	"slices"
)

// conversation reads the commands of conversations. It returns false for other types.
func conversation(r *reader, typ string) (Command, bool) {
	switch typ {
	case "create":
		return create(r), true
	case "member":
		return &SetMembers{ID: r.id, Room: r.room(), Users: r.users(1), Role: r.role()}, true
	case "members":
		limit := int(min(r.number(fieldLimit, 1, MaxSeq), MaxUsers))
		return &ListMembers{ID: r.id, Room: r.room(), After: r.given(fieldAfter, r.userID(fieldAfter)), Limit: limit}, true
	case "list":
		return list(r), true
	case "set":
		return setRow(r), true
	case "info":
		return &SetInfo{
			ID: r.id, Room: r.room(), Closed: r.flag(fieldClosed),
			Title:  optional(r, fieldTitle, TitleText),
			Avatar: optional(r, fieldAvatar, AvatarText),
			About:  optional(r, fieldAbout, AboutText),
		}, true
	}
	return nil, false
}

func list(r *reader) *List {
	l := &List{ID: r.id, Next: r.given(fieldNext, r.text(fieldNext, MaxNext)), Limit: int(min(r.number(fieldLimit, 1, MaxSeq), MaxRows))}
	if names := r.value(fieldRooms); names != nil {
		if json.Unmarshal(names, &l.Rooms) != nil || len(l.Rooms) == 0 || len(l.Rooms) > MaxUsers {
			r.wrong(fieldRooms, fmt.Sprintf("must be an array of 1 to %d names", MaxUsers))
		}
		if l.Next != "" || l.Limit > 0 {
			r.wrong(fieldRooms, "must not be given together with next or limit")
		}
	}
	return l
}

func setRow(r *reader) *SetRow {
	s := &SetRow{ID: r.id, Room: r.room(), Notify: r.flag(fieldNotify), Top: r.flag(fieldTop), Hide: r.flag(fieldHide), Block: r.flag(fieldBlock)}
	if clear := r.flag(fieldClear); clear != nil {
		if !*clear {
			r.wrong(fieldClear, "must be true: what was cleared does not come back")
		}
		s.Clear = true
	}
	return s
}

// listFrom reads the list of a hello.
func listFrom(r *reader) *ListFrom {
	v := r.value(fieldList)
	if v == nil || r.err != nil {
		return nil
	}
	e := reader{object: object{p: v}, element: -1, id: r.id}
	if v[0] != '{' || !e.scan(&scanner{p: v}, 2) {
		r.wrong(fieldList, "must be an object that has no field twice")
		return nil
	}
	l := &ListFrom{Since: e.text(fieldSince, MaxNext), Limit: int(min(e.number(fieldLimit, 1, MaxSeq), MaxRows))}
	if e.err != nil {
		e.err.Field, e.err.Message = "list."+e.err.Field, "list."+e.err.Message
		r.err = e.err
	}
	return l
}

func create(r *reader) *Create {
	c := &Create{
		ID:      r.id,
		Direct:  r.given(fieldDirect, r.userID(fieldDirect)),
		Key:     r.given(fieldKey, r.line(fieldKey, KeyText)),
		Pattern: r.given(fieldPattern, r.text(fieldPattern, MaxRoom)),
		Title:   r.line(fieldTitle, TitleText),
		Avatar:  r.line(fieldAvatar, AvatarText),
		About:   r.line(fieldAbout, AboutText),
		Users:   r.users(0),
		Room:    r.optionalRoom(),
		Owner:   r.given(fieldOwner, r.userID(fieldOwner)),
	}
	switch {
	case c.Room != "" && c.Pattern != "":
		r.wrong(fieldPattern, "must not be given together with room, whose name says which policy applies")
	case c.Direct == "" && c.Key == "" && c.Room == "":
		r.wrong(fieldKey, "is missing: create needs key, or direct")
	case c.Direct != "":
		for _, f := range []field{fieldKey, fieldTitle, fieldAvatar, fieldAbout, fieldUsers, fieldRoom, fieldOwner} {
			if r.value(f) != nil {
				r.wrong(f, "must not be given together with direct")
			}
		}
	}
	return c
}

// optional returns nil for a field that is not there.
func optional(r *reader, f field, t Text) *string {
	if r.value(f) == nil {
		return nil
	}
	text := r.line(f, t)
	return &text
}

func (r *reader) role() string {
	role := r.required(fieldRole, r.text(fieldRole, MaxUser))
	switch role {
	case "member", "admin", "owner", "none":
	default:
		r.wrong(fieldRole, "must be member, admin, owner or none")
	}
	return role
}

// users reads a list of ids, each once.
func (r *reader) users(least int) []string { return r.ids(fieldUsers, least, MaxUsers) }

// ids reads a list of users' ids, each once.
func (r *reader) ids(f field, least, most int) []string {
	list := r.value(f)
	if list == nil && least == 0 || r.err != nil {
		return nil
	}
	var ids []string
	if list == nil || json.Unmarshal(list, &ids) != nil || len(ids) < least || len(ids) > most {
		r.wrong(f, fmt.Sprintf("must be an array of %d to %d ids", least, most))
		return nil
	}
	if i, what := wrongID(ids); what != "" {
		label := fmt.Sprintf("%s[%d]", f, i)
		r.refuse(BadFrame, label, label+" "+what)
	}
	return ids
}

// wrongID returns the first of a list of ids that is none, or stands twice, and what is wrong
// with it.
func wrongID(ids []string) (i int, what string) {
	seen := make(map[string]bool, len(ids))
	for i, id := range ids {
		switch {
		case !IsUserID(id):
			return i, badUserID
		case seen[id]:
			return i, "stands twice"
		}
		seen[id] = true
	}
	return 0, ""
}

// CheckMentions returns why no message can mention these users, or nil.
func CheckMentions(field string, ids []string) error {
	if len(ids) > MaxMentions {
		return &Malformed{field, fmt.Sprintf("must be an array of 0 to %d ids", MaxMentions)}
	}
	if i, what := wrongID(ids); what != "" {
		return &Malformed{fmt.Sprintf("%s[%d]", field, i), what}
	}
	if len(ids) > 1 && slices.Contains(ids, Everybody) {
		return &Malformed{field, allAlone}
	}
	return nil
}

const allAlone = "must have * alone: it means everybody"

// mentions reads who is mentioned.
func (r *reader) mentions() []string {
	ids := r.ids(fieldMentions, 0, MaxMentions)
	if len(ids) > 1 && slices.Contains(ids, Everybody) {
		r.wrong(fieldMentions, allAlone)
	}
	return ids
}

// RoleOf is a user and the role that an entry gives them.
type RoleOf struct{ User, Role string }

// ParseMembers reads the body of an entry that says who belongs to its room: the roles
// that it gives, in the order in which they take effect. That a new owner makes the former
// one an admin is not among them.
func ParseMembers(body []byte) ([]RoleOf, error) {
	var m struct {
		Users []struct{ ID string }
		Role  string
		Owner struct{ ID string }
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("the body of a member entry makes no sense: %w", err)
	}
	var roles []RoleOf
	for _, u := range m.Users {
		roles = append(roles, RoleOf{u.ID, m.Role})
	}
	if m.Owner.ID != "" {
		roles = append(roles, RoleOf{m.Owner.ID, "owner"})
	}
	return roles, nil
}
