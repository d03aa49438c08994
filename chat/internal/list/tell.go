package list

import (
	"context"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// teller tells sessions what is new.
type teller struct {
	// Fixed.
	reader *Reader
	log    *zap.Logger
	ctx    context.Context // ends with the hub
	frame  func(wire.Frame) []byte

	watchers
}

// tellTimeout bounds one round.
const tellTimeout = 10 * time.Second

// contain ends a panic in a round: another round may do better.
func (t *teller) contain() {
	if v := recover(); v != nil {
		t.log.Error("changes of lists not told because of a panic", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
	}
}

// tell tells of rooms and rows. What cannot be read now is told in a later round.
func (t *teller) tell(dirty map[string]news, own map[pair]bool) {
	defer t.contain()
	ctx, cancel := context.WithTimeout(t.ctx, tellTimeout)
	defer cancel()
	// Rows come first: who has left or cleared a room is not told of it by a head.
	users := map[string][]string{}
	for p := range own {
		users[p.user] = append(users[p.user], p.room)
	}
	for user, rooms := range users {
		for some := range slices.Chunk(rooms, wire.MaxRows) {
			if err := t.tellRows(ctx, user, some); err != nil {
				t.log.Debug("rows not told yet", zap.Error(err))
				left := map[pair]bool{}
				for _, room := range some {
					left[pair{user, room}] = true
				}
				t.again(nil, left)
			}
		}
	}
	for rooms := range slices.Chunk(slices.Collect(maps.Keys(dirty)), t.reader.Heads.atOnce()) {
		some := make(map[string]news, len(rooms))
		for _, room := range rooms {
			some[room] = dirty[room]
		}
		if err := t.tellHeads(ctx, some); err != nil {
			t.log.Debug("changes of lists not told yet", zap.Error(err))
			t.again(some, nil)
		}
	}
}

// tellHeads tells everybody who lists the rooms what is new: also those who hear a room,
// so that a list is right whatever else its client does.
func (t *teller) tellHeads(ctx context.Context, dirty map[string]news) error {
	ps := t.reader.Policies()
	var rooms, changed, keys []string
	for room, n := range dirty {
		rooms = append(rooms, room)
		if n.other {
			changed, keys = append(changed, room), append(keys, members.RoomKey(room))
		}
	}
	release, err := t.reader.Heads.take(ctx, access.Person{}, len(rooms))
	if err != nil {
		return err
	}
	defer release()
	heads, err := t.reader.Journal.Heads(ctx, rooms)
	if err != nil {
		return err
	}
	// Read after the heads: what is newer than these is told again.
	records, err := t.reader.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return err
	}
	states := map[string]*wire.HeadInfo{}
	for i, room := range changed {
		state, err := members.ParseRoom(records[i])
		if err != nil {
			return err
		}
		states[room] = &wire.HeadInfo{Title: state.Title, Avatar: state.Avatar, Closed: state.Closed, Size: state.Size}
		if dirty[room].governs && len(state.Direct) > 0 {
			t.markHolders(room) // the other one may have been erased, and a head does not show who that is
		}
	}
	for i, room := range rooms {
		if err := t.checkHolders(ctx, ps, room, heads[i].State); err != nil {
			return err
		}
		if heads[i].Count > 0 || !isDirect(ps, room) {
			t.tellHead(room, &heads[i], states[room])
		}
	}
	return nil
}

// checkHolders sees to it that only members who are not banned list a room, as of a governing entry or later.
// It must come behind all reading of what they are told: so whoever is a member now was one
// when that was written, and nobody hears what came after their end. It reads the seats of
// all who list the room, but only if its members have changed, or somebody has come.
func (t *teller) checkHolders(ctx context.Context, ps access.Policies, room string, state journal.Seq) error {
	users := t.unchecked(room, state)
	if len(users) == 0 {
		return nil
	}
	keys := make([]string, len(users))
	for i, user := range users {
		keys[i] = members.RoleKey(room, user)
	}
	records, err := t.reader.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return err
	}
	from := make(map[string]journal.Seq, len(users))
	for i, user := range users {
		seat, err := members.ParseSeat(records[i])
		if err != nil {
			return err
		}
		from[user] = 0
		if seat.Role != access.NoRole && ps.Lists(user, room, seat.Role) && !t.reader.isBanned(user, room) {
			from[user] = seat.Since
		}
	}
	t.keepMembers(room, state, from)
	return nil
}

// tellHead encodes what is new once, and once more for those who are not shown the newest
// message.
func (t *teller) tellHead(room string, head *journal.Head, info *wire.HeadInfo) {
	shown, veiled := t.holders(room, epochOf(head), head.Newest.Seq)
	f := wire.Head{Room: room, Last: uint64(head.Last), At: atOf(head), Count: head.Count, Info: info}
	if len(veiled) > 0 {
		deliver(veiled, t.frame(&f))
	}
	if len(shown) == 0 {
		return
	}
	if head.Newest.Seq > 0 {
		entry := wire.EntryOf(&head.Newest)
		entry.Body, f.Cut = wire.Shortened(entry.Body, entry.Text)
		f.Entry = &entry
	}
	deliver(shown, t.frame(&f))
}

// tellRows tells a user's sessions their rows of some rooms.
func (t *teller) tellRows(ctx context.Context, user string, rooms []string) error {
	defer t.begin(user, rooms)()
	ps := t.reader.Policies()
	items, err := t.reader.load(ctx, ps, user, access.Person{}, rooms, nil)
	if err != nil {
		return err
	}
	rows, n, err := t.reader.rows(ctx, user, items, pageBytes)
	if err != nil {
		return err
	}
	if n < len(items) { // more than one answer has
		left := map[pair]bool{}
		for i := range items[n:] {
			left[pair{user, items[n+i].room}] = true
		}
		t.again(nil, left)
	}
	known := map[string]bool{}
	for i := range items {
		known[items[i].room] = true
	}
	for i := range rows {
		it, now := items[i], rowGone
		switch {
		case isListed(ps, it) && !rows[i].Gone:
			now = rowThere
		case !it.gone() && !rows[i].Gone:
			now = rowSilent
		}
		if now == rowSilent {
			rows[i] = wire.Row{Room: it.room, Gone: true} // for those who had it
		}
		if to := t.settle(user, it.place(), now); len(to) > 0 {
			deliver(to, t.frame(&rows[i]))
		}
	}
	t.endPaying()
	for _, room := range rooms {
		if !known[room] {
			if to := t.settle(user, place{room: room}, rowGone); len(to) > 0 {
				deliver(to, t.frame(&wire.Row{Room: room, Gone: true}))
			}
		}
	}
	return nil
}

// endPaying ends the sessions that list more than others while the node has too many pairs: they
// come back, and are told that nothing follows.
func (t *teller) endPaying() {
	for _, s := range t.paying() {
		s.Close(wire.Unavailable)
	}
}

func deliver(sessions []Session, frame []byte) {
	for _, s := range sessions {
		s.Deliver(frame)
	}
}
