package list

import (
	"context"
	"maps"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

const (
	pageRows  = 50        // of a page, if the client names no number
	pageBytes = 128 << 10 // of rows in one answer
)

// Since returns a user's list as of now: what has changed since an earlier answer if that
// is known and not too much, and otherwise the first page of everything. by and before are as
// in load; before is told by which policies, too. rooms are all that the user belongs to.
func (r *Reader) Since(ctx context.Context, user string, by access.Person, from wire.ListFrom, before func(policiesSum, []place)) (answer *wire.Listed, rooms []read, err error) {
	with, err := r.seal(ctx)
	if err != nil {
		return nil, nil, err
	}
	ps := r.Policies()
	now, err := r.now(ctx, ps)
	if err != nil {
		return nil, nil, err
	}
	items, err := r.load(ctx, ps, user, by, nil, func(list []place) { before(now.Policies, list) })
	if err != nil {
		return nil, nil, err
	}
	seen := now
	if slices.ContainsFunc(items, func(it *item) bool { return it.banned }) {
		seen.Policies = policiesSum{} // of none: no record tells when a ban ends, so the next list is read whole
	}
	answer = &wire.Listed{At: seen.sealed(with, user)}
	var left []*item
	there := items[:0:len(items)]
	for _, it := range items {
		if it.gone() {
			left = append(left, it)
			continue
		}
		silent := !isListed(ps, it)
		if !it.own() {
			rooms = append(rooms, read{it.place(), silent, it.veilsTooMuch()})
		}
		if silent {
			continue
		}
		there = append(there, it)
		if !it.settings.Silent && !it.hidden() {
			answer.Unread += it.unread()
		}
	}
	since, ok := unsealed(with, user, from.Since)
	if ok {
		if ok, err = r.isPast(ctx, &since, &now); err != nil {
			return nil, nil, err
		}
	}
	if ok {
		if changed, few := r.changes(there, left, &since); few {
			rows, whole, err := r.rows(ctx, user, changed, pageBytes)
			if err != nil || whole == len(changed) {
				answer.Rows = rows
				return answer, rooms, err
			}
		}
	}
	answer.All = true
	answer.Rows, answer.Next, err = r.page(ctx, user, there, nil, from.Limit)
	return answer, rooms, err
}

// changes returns the conversations that have changed since a moment; false if they are
// more than one answer has.
func (r *Reader) changes(there, left []*item, since *moment) (list []*item, ok bool) {
	for _, items := range [][]*item{there, left} {
		for i := range items {
			if r.changed(items[i], since) {
				list = append(list, items[i])
			}
		}
	}
	return list, len(list) <= wire.MaxRows
}

// Page returns a page of a user's list, behind the place where another page has ended.
func (r *Reader) Page(ctx context.Context, user string, by access.Person, next string, limit int) (rows []wire.Row, end string, err error) {
	var from *cursor
	if next != "" {
		from = &cursor{}
		if !decode(next, from) {
			return nil, "", badNext()
		}
	}
	ps := r.Policies()
	items, err := r.load(ctx, ps, user, by, nil, nil)
	if err != nil {
		return nil, "", err
	}
	there := items[:0]
	for _, it := range items {
		if isListed(ps, it) {
			there = append(there, it)
		}
	}
	return r.page(ctx, user, there, from, limit)
}

// Rows returns certain rows of a user's list, each once and as they stand there. One that is
// not there is gone, and stands behind the others in the order asked: when something was said
// there shows nowhere. more says that some are left out, of those that are there.
func (r *Reader) Rows(ctx context.Context, user string, by access.Person, rooms []string) (list []wire.Row, more bool, err error) {
	asked := make(map[string]bool, len(rooms))
	for _, room := range rooms {
		asked[room] = true
	}
	items, err := r.load(ctx, r.Policies(), user, by, slices.Collect(maps.Keys(asked)), nil)
	if err != nil {
		return nil, false, err
	}
	items = slices.DeleteFunc(items, func(it *item) bool { return it.gone() || it.own() && it.head.Count == 0 })
	sortItems(items)
	for i := range items {
		delete(asked, items[i].room)
	}
	var gone []wire.Row
	left := pageBytes
	for _, room := range rooms {
		if asked[room] {
			delete(asked, room)
			row := wire.Row{Room: room, Gone: true}
			gone, left = append(gone, row), left-len(row.Append(nil))
		}
	}
	list, n, err := r.rows(ctx, user, items, left)
	return append(list, gone...), n < len(items), err
}

// page returns the rows behind a place, of conversations that are in the list.
func (r *Reader) page(ctx context.Context, user string, items []*item, from *cursor, limit int) (rows []wire.Row, end string, err error) {
	shown := items[:0]
	for _, it := range items {
		if it.hidden() || from != nil && compare(it, from.Top, from.At, from.Room) <= 0 {
			continue
		}
		shown = append(shown, it)
	}
	if limit <= 0 {
		limit = pageRows
	}
	n := min(limit, len(shown))
	sortFirst(shown, n)
	rows, n, err = r.rows(ctx, user, shown[:n], pageBytes)
	if n < len(shown) && n > 0 {
		last := shown[n-1]
		end = (&cursor{last.settings.Top, last.at, last.room}).String()
	}
	return slices.DeleteFunc(rows, func(row wire.Row) bool { return row.Gone }), end, err
}

// rows returns the rows of conversations: as many as so many bytes take, at least one, and how
// many these are.
func (r *Reader) rows(ctx context.Context, user string, items []*item, most int) (rows []wire.Row, n int, err error) {
	keys := make([]string, 2*len(items))
	for i := range items {
		keys[i], keys[len(items)+i] = members.RoomKey(items[i].room), AllKey(items[i].room)
	}
	records, err := r.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return nil, 0, err
	}
	states := make([]members.Room, len(items))
	var others []string
	for i := range items {
		if states[i], err = members.ParseRoom(records[i]); err != nil {
			return nil, 0, err
		}
		if items[i].own() {
			_, states[i] = OwnSeat(user, items[i].room)
		}
		if other := states[i].With(user); other != "" {
			others = append(others, other)
		}
	}
	shown, err := r.Profiles(ctx, others)
	if err != nil {
		return nil, 0, err
	}
	size := 0
	for i := range items {
		row := items[i].row(&states[i], records[len(items)+i].Stamp.Seq)
		if states[i].With(user) != "" {
			with := wire.User(shown[0])
			row.With, shown = &with, shown[1:]
		}
		if size += len(row.Append(nil)); size > most && i > 0 {
			break
		}
		rows = append(rows, row)
	}
	err = r.checkMentions(ctx, user, rows)
	for i := range rows { // a ban that has come meanwhile holds: this is asked last
		if r.isBanned(user, rows[i].Room) {
			rows[i] = wire.Row{Room: rows[i].Room, Gone: true}
		}
	}
	return rows, len(rows), err
}

// row returns the row of a conversation, without the other user of two. everybody is the
// newest message that mentions everybody.
func (it *item) row(state *members.Room, everybody journal.Seq) wire.Row {
	if it.gone() {
		return wire.Row{Room: it.room, Gone: true}
	}
	h, s := it.head, it.settings.In(it.head.Epoch)
	row := wire.Row{
		Room: it.room, Title: state.Title, Avatar: state.Avatar, Closed: state.Closed, Size: state.Size,
		Epoch: h.Epoch, Last: uint64(h.Last), At: it.at, Count: h.Count,
		Role: it.seat.Role.String(), Unread: it.unread(), Notify: !it.settings.Silent, Top: it.settings.Top,
		Hidden: it.hidden(), Block: s.Block,
		Read: uint64(max(it.mark.In(h.Epoch).Seq, min(it.seat.Since, h.Last), s.Cleared)),
	}
	row.Mention = uint64(it.mention(journal.Seq(row.Read), everybody))
	if e := &h.Newest; e.Seq > 0 && e.Seq >= it.seat.Since && e.Seq > s.Cleared {
		entry := wire.EntryOf(e)
		row.Entry, row.Cut = &entry, it.cut
	}
	return row
}

// Readable returns those rows whose rooms somebody may read. Where certain rows were asked for, the
// others are as if they were not there.
func Readable(rows []wire.Row, asked bool, mayRead func(room string) bool) []wire.Row {
	for i := range rows {
		if asked && !mayRead(rows[i].Room) {
			rows[i] = wire.Row{Room: rows[i].Room, Gone: true}
		}
	}
	return slices.DeleteFunc(rows, func(r wire.Row) bool { return !r.Gone && !mayRead(r.Room) })
}
