package list

import (
	"cmp"
	"context"
	"crypto/cipher"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Reader reads lists. Its fields are fixed, but for sealing.
type Reader struct {
	Journal journal.Journal
	Marks   *readmarks.Marks
	// Profiles returns what is shown of users, in the order asked.
	Profiles func(ctx context.Context, ids []string) ([]journal.User, error)
	// Policies returns the policies of now. Whatever is read together is judged by the same
	// ones.
	Policies func() access.Policies
	// Banned returns for how long somebody is banned from a room, or 0. It is asked when a list
	// begins to be read, and again when it was.
	Banned func(user, room string) time.Duration
	Heads  Heads // bounds what is read of heads

	barred  func(user, room string, left time.Duration) // is told whose ban has an end; fixed, may be nil
	counts  counts
	sealing atomic.Pointer[cipher.AEAD] // nil until it was read: see seal
}

// goneLife is how long it is said that a row is gone, to devices that come back.
const goneLife = 30 * 24 * time.Hour

// item is a conversation of a user: all that decides where its row stands, and whether it
// is new.
type item struct {
	room      string
	seat      members.Seat // of who is banned: none
	banned    bool
	settings  Settings
	mark      readmarks.Mark
	head      *journal.Head    // nil until it was read
	cut       bool             // the body of its newest entry was shortened
	mentioned journal.Seq      // the newest message that mentions the user
	at        int64            // of the row, Unix milliseconds
	entered   journal.Position // when the seat changed
	changed   journal.Position // when the settings or the mark did
}

// gone reports whether the row is not in the list.
func (it *item) gone() bool { return it.seat.Role == access.NoRole }

// hidden reports whether the user has hidden the row.
func (it *item) hidden() bool { return it.settings.In(it.head.Epoch).IsHidden(it.head.Count) }

// unread returns how many messages the user has not read.
func (it *item) unread() uint64 {
	s := it.settings.In(it.head.Epoch)
	return it.head.Unread(max(it.mark.In(it.head.Epoch).Count, it.seat.Count, s.ClearedCount))
}

// isListed reports whether a conversation is in the list, hidden or not: one of two, and the
// user's own room, are in no list before their first message.
func isListed(ps access.Policies, it *item) bool {
	return !it.gone() && (it.head.Count > 0 || !isDirect(ps, it.room) && !it.own())
}

// isDirect reports whether a room is a conversation of two.
func isDirect(ps access.Policies, room string) bool {
	p := ps.Conversation(room)
	return p != nil && p.Direct
}

// place is a conversation in a user's list, and the first entry of it that is shown to the
// user.
type place struct {
	room  string
	from  journal.Seq
	epoch epoch // in which from is a number
}

// read is a conversation of a list that was read.
type read struct {
	place
	silent bool // it is not in the list yet: of two, who have said nothing
	veiled bool // from may be the number of another epoch
}

// epoch is that of a room; the zero one is not known. There are few, and each is kept once.
type epoch = unique.Handle[string]

// place returns where the user's view of a conversation begins.
func (it *item) place() place {
	return place{it.room, max(it.seat.Since, it.settings.In(it.head.Epoch).Cleared+1), epochOf(it.head)}
}

// epochOf returns the epoch of a room. As long as nothing was said there it may still change.
func epochOf(h *journal.Head) epoch {
	if h.Last == 0 {
		return epoch{}
	}
	return unique.Make(h.Epoch)
}

// veilsTooMuch reports whether the user has cleared the conversation in another epoch: see places.
func (it *item) veilsTooMuch() bool {
	return it.settings.Cleared > 0 && it.settings.Epoch != it.head.Epoch
}

// ownItems returns the user's own room, if it is one of rooms or these are nil: all.
func ownItems(user string, rooms []string) []*item {
	room := OwnRoom(user)
	seat, _ := OwnSeat(user, room)
	if seat.Role == access.NoRole || rooms != nil && !slices.Contains(rooms, room) {
		return nil
	}
	return []*item{{room: room, seat: seat}}
}

// own reports whether it is the user's own room: no conversation is called like that.
func (it *item) own() bool { return access.IsOwnRoom(it.room) }

// places returns where the user's views of conversations begin, whose heads are not known
// yet. What was cleared in an earlier life of a room veils too much of it, until its row
// is told.
func places(items []*item) []place {
	list := make([]place, 0, len(items))
	for _, it := range items {
		if !it.gone() && !it.own() {
			list = append(list, place{room: it.room, from: max(it.seat.Since, it.settings.Cleared+1)})
		}
	}
	return list
}

// atOf returns the time of a row: that of the newest counting entry, or else of the newest
// one.
func atOf(h *journal.Head) int64 {
	if h.Newest.At > 0 {
		return h.Newest.At
	}
	return h.At
}

// load reads all conversations of a user, or those in rooms, with those that the user has
// left lately. All cost four scans of the user's records, and those in rooms four looks
// at certain records; and both one look at the heads.
//
// ps say what the user still reads, and by is who is charged. before, if it is not nil, is called with the conversations
// that the user belongs to, before anything of them is read that others change, too.
func (r *Reader) load(ctx context.Context, ps access.Policies, user string, by access.Person, rooms []string, before func([]place)) ([]*item, error) {
	items, err := r.seats(ctx, ps, user, rooms)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(items))
	for i := range items {
		names[i] = items[i].room
	}
	if rooms == nil {
		err = r.scanOwn(ctx, user, items)
	} else {
		err = r.getOwn(ctx, user, names, items)
	}
	if err != nil {
		return nil, err
	}
	if before != nil {
		before(places(items))
	}
	return items, r.readHeads(ctx, by, items, names)
}

// readHeads reads the heads of conversations, and keeps what rows show of long messages.
func (r *Reader) readHeads(ctx context.Context, by access.Person, items []*item, names []string) error {
	for some := range slices.Chunk(names, r.Heads.atOnce()) {
		if err := r.readSome(ctx, by, items[:len(some)], some); err != nil {
			return err
		}
		items = items[len(some):]
	}
	return nil
}

func (r *Reader) readSome(ctx context.Context, by access.Person, items []*item, names []string) error {
	release, err := r.Heads.take(ctx, by, len(names))
	if err != nil {
		return err
	}
	defer release()
	heads, err := r.Journal.Heads(ctx, names)
	if err != nil {
		return err
	}
	cut := 0
	for i, it := range items {
		newest := &heads[i].Newest
		all := len(newest.Body)
		newest.Body, it.cut = wire.Shortened(newest.Body, newest.Text)
		cut += all - len(newest.Body)
		it.head, it.at = &heads[i], atOf(&heads[i])
	}
	if by != (access.Person{}) {
		r.Heads.Owe(by, cut)
	}
	return nil
}

// scanOwn reads the user's settings, marks and mentions of all conversations.
func (r *Reader) scanOwn(ctx context.Context, user string, items []*item) error {
	index := make(map[string]*item, len(items))
	for i := range items {
		index[items[i].room] = items[i]
	}
	if err := r.scanSettings(ctx, user, index); err != nil {
		return err
	}
	err := r.Marks.Scan(ctx, user, func(room string, m readmarks.Mark, at journal.Position) {
		if it := index[room]; it != nil {
			it.mark, it.changed = m, max(it.changed, at)
		}
	})
	if err != nil {
		return err
	}
	prefix := mentionsOf(user)
	return r.Journal.Records().Scan(ctx, prefix, func(rec journal.Record) error {
		if it := index[strings.TrimPrefix(rec.Key, prefix)]; it != nil {
			it.mentioned = rec.Stamp.Seq
		}
		return nil
	})
}

func (r *Reader) scanSettings(ctx context.Context, user string, index map[string]*item) error {
	prefix := settingsOf(user)
	return r.Journal.Records().Scan(ctx, prefix, func(rec journal.Record) (err error) {
		it := index[strings.TrimPrefix(rec.Key, prefix)]
		if it == nil {
			return nil
		}
		it.settings, err = ParseSettings(rec)
		it.changed = max(it.changed, rec.Stamp.Position)
		return err
	})
}

// getOwn reads the user's settings, marks and mentions of some conversations, but not when they
// changed.
func (r *Reader) getOwn(ctx context.Context, user string, rooms []string, items []*item) error {
	n := len(rooms)
	keys, marks := make([]string, 2*n), make([]readmarks.Key, n)
	for i, room := range rooms {
		keys[i], keys[n+i] = SettingsKey(user, room), MentionKey(user, room)
		marks[i] = readmarks.Key{User: user, Room: room, Member: true}
	}
	records, err := r.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return err
	}
	read, err := r.Marks.Get(ctx, marks)
	if err != nil {
		return err
	}
	for i := range items {
		items[i].mark, items[i].mentioned = read[i], records[n+i].Stamp.Seq
		if items[i].settings, err = ParseSettings(records[i]); err != nil {
			return err
		}
	}
	return nil
}

// mention returns the newest message above the read mark that mentions the user or
// everybody, or 0. everybody is the newest that mentions everybody.
func (it *item) mention(read, everybody journal.Seq) journal.Seq {
	newest := max(it.mentioned, everybody)
	if newest <= read || newest < it.seat.Since || newest > it.head.Last {
		return 0
	}
	return newest
}

// seats reads where a user belongs to, or has belonged to lately. The own room comes first.
func (r *Reader) seats(ctx context.Context, ps access.Policies, user string, rooms []string) (items []*item, err error) {
	prefix := members.UserKey(user)
	var over []string
	add := func(rec journal.Record) error {
		if rec.Value == nil {
			return nil
		}
		seat, err := members.ParseSeat(rec)
		it := &item{room: strings.TrimPrefix(rec.Key, prefix), seat: seat, entered: rec.Stamp.Position}
		if !it.gone() && !ps.Lists(user, it.room, seat.Role) {
			if !ps.Lists(user, it.room, access.Owner) {
				return err // no role would do: by these policies it never was in the list
			}
			it.seat = members.Seat{Left: time.Now()}
		}
		if r.isBanned(user, it.room) && !it.gone() {
			it.seat, it.banned = members.Seat{Left: time.Now()}, true
		}
		if !isOver(it.seat) {
			items = append(items, it)
		} else if len(over) < overAtOnce {
			over = append(over, rec.Key)
		}
		return err
	}
	records := r.Journal.Records()
	items = ownItems(user, rooms)
	if rooms == nil {
		err := records.Scan(ctx, prefix, add)
		if err == nil {
			r.forget(ctx, over)
		}
		return items, err
	}
	keys := make([]string, len(rooms))
	for i, room := range rooms {
		keys[i] = members.InKey(user, room)
	}
	found, err := records.GetMany(ctx, keys)
	for i := range found {
		if err == nil {
			found[i].Key = keys[i]
			err = add(found[i])
		}
	}
	return items, err
}

// isBanned reports whether a user is banned from a room, and says it to Live if that has an end.
func (r *Reader) isBanned(user, room string) bool {
	left := r.Banned(user, room)
	if left > 0 && left != access.Endless && r.barred != nil {
		r.barred(user, room, left)
	}
	return left > 0
}

// isOver reports whether nobody is told any more that a seat is gone.
func isOver(s members.Seat) bool { return s.Role == access.NoRole && time.Since(s.Left) >= goneLife }

// overAtOnce is how many seats that are over are forgotten when a list is read: it waits for that.
const overAtOnce = 4

// forget deletes seats that are over, unless their user has come back. What fails is done when
// the list is read next.
func (r *Reader) forget(ctx context.Context, keys []string) {
	for _, key := range keys {
		_ = r.Journal.Records().Update(ctx, key, func(old []byte) ([]byte, error) {
			if seat, err := members.ParseSeat(journal.Record{Value: old}); err != nil || !isOver(seat) {
				return old, err
			}
			return nil, nil
		})
	}
}

// sortItems sorts rows as they stand: those with Top first, then the newest.
func sortItems(items []*item) {
	slices.SortFunc(items, compareItems)
}

// sortFirst sorts the first n rows to the front. The others stand behind them in any order: of
// thousands, one page is shown.
func sortFirst(items []*item, n int) {
	first := items[:n]
	sortItems(first)
	for i, it := range items[n:] {
		if n == 0 || compareItems(it, first[n-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, it, compareItems)
		items[n+i] = first[n-1]
		copy(first[at+1:], first[at:n-1])
		first[at] = it
	}
}

func compareItems(a, b *item) int { return compare(a, b.settings.Top, b.at, b.room) }

// compare compares a row with the place of another one.
func compare(a *item, top bool, at int64, room string) int {
	if a.settings.Top != top {
		if a.settings.Top {
			return -1
		}
		return 1
	}
	if a.at != at {
		return cmp.Compare(at, a.at)
	}
	return cmp.Compare(a.room, room)
}
