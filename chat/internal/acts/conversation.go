package acts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/checking"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/refusals"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Create is the act of founding a conversation. One that is there already is found
// again: by the other user of a conversation of two, or by the key of the first time.
func (a Turn) Create(ctx context.Context, c *wire.Create) (room string, duplicate bool, err error) {
	if a.kind == raw {
		return "", false, wire.Forbidden.Error("")
	}
	f, err := a.mayFound(c)
	if err != nil {
		return "", false, err
	}
	receipt, err := a.found(ctx, c, f)
	return f.room, receipt.Duplicate, err
}

// foundation is what a conversation is founded with.
type foundation struct {
	room    string
	founder string // its id
	others  []string
}

// mayFound returns what a command founds a conversation with, or why the actor may not,
// whatever the records say.
func (a *Actor) mayFound(c *wire.Create) (f foundation, err error) {
	policy, err := a.foundingPolicy(c)
	if err != nil {
		return f, err
	}
	f.founder, f.others = cmp.Or(c.Owner, a.User().ID), c.Users
	switch {
	case c.Room != "":
		f.room = c.Room
	case c.Direct != "":
		f.room, f.others = members.DirectName(policy.Pattern, f.founder, c.Direct), []string{c.Direct}
	default:
		f.room = members.GroupName(policy.Pattern, f.founder, c.Key)
	}
	if i := slices.Index(f.others, f.founder); i >= 0 {
		return f, members.OwnID(c.Direct != "", i)
	}
	if err := a.mayAdd(f.room, f.others, c.Direct != ""); err != nil {
		return f, err
	}
	if c.Title+c.Avatar+c.About != "" { // which are said, as by info
		if err := a.notMuted(f.room); err != nil {
			return f, err
		}
	}
	if 1+len(f.others) > policy.Seats() {
		return f, wire.RoomFull.Error("")
	}
	return f, nil
}

// foundingPolicy returns the policy of the conversation that the actor wants to found, or
// why it may not. A key may choose the name and the owner.
func (a *Actor) foundingPolicy(c *wire.Create) (policy *access.Policy, err error) {
	policies, ok := &a.core.settings().Policies, false
	no := wire.Forbidden.Error("")
	switch {
	case a.key == nil && (c.Room != "" || c.Owner != ""):
		no.Message = "only keys may choose the name or the owner of a room"
	case a.key == nil:
		policy, ok = policies.Founding(a.identity.Load(), c.Direct != "", c.Pattern)
	case c.Room != "":
		policy = policies.Conversation(c.Room)
		ok = policy != nil && !policy.Direct && a.governs(c.Room)
	default:
		policy, ok = policies.FoundedBy(a.scopes(), c.Direct != "", c.Pattern)
	}
	if !ok {
		return nil, no
	}
	return policy, nil
}

// found appends the entry with which a conversation begins, unless it has begun.
func (a *Actor) found(ctx context.Context, c *wire.Create, f foundation) (journal.Receipt, error) {
	if err := a.core.patterns.Keep(ctx); err != nil {
		return journal.Receipt{}, refusals.Unavailable(err)
	}
	charged := false
	asks := a.once(&check.Question{About: check.Create, Room: f.room, Key: c.Key, Title: c.Title, Avatar: c.Avatar, Text: c.About, Users: f.others})
	all := append(f.others[:len(f.others):len(f.others)], f.founder)
	return a.govern(ctx, &governing{
		room: f.room, users: all,
		may: func() error {
			if now, err := a.mayFound(c); err != nil || now.room == f.room {
				return err
			}
			return wire.Unavailable.Error("") // another policy founds it now
		},
		asks: asks,
		judge: func(ctx context.Context, s *members.State, _ members.By) (*members.Change, error) {
			if s.Version > 0 && !s.Vacant() {
				return nil, nil
			}
			if !charged {
				set := a.core.settings()
				for _, wait := range []time.Duration{a.reserve(set.CreateRate, &a.core.founding), a.reserve(set.NewRooms, &a.core.newRooms)} {
					if wait > 0 {
						return nil, wire.TooSoon(wait)
					}
				}
				charged = true
			}
			if err := a.mayCome(ctx, all, c); err != nil {
				return nil, err
			}
			shown, err := a.newcomers(ctx, all, asks)
			if err != nil {
				return nil, err
			}
			founder, shown := shown[len(f.others)], shown[:len(f.others)]
			if s.Version > 0 {
				return s.Reseat(founder, shown[0])
			}
			if c.Direct != "" {
				return members.FoundDirect(f.room, founder, shown[0])
			}
			return members.Found(f.room, founder, shown, members.Info{Title: c.Title, Avatar: c.Avatar, About: c.About})
		},
	})
}

// mayAdd returns why users can not be added to a conversation, or nil: a banned one can
// not.
func (a *Actor) mayAdd(room string, users []string, direct bool) error {
	for i, id := range users {
		if a.core.sanctions.Check(access.Ban, id, room) == nil {
			continue
		}
		e := members.ForbiddenUser(i)
		if direct {
			e.Field = "direct"
		}
		return e
	}
	return a.mayBeIn(room)
}

// mayCome returns why users do not come into one more conversation, or nil. An empty id is
// nobody. They found one with c, the last of them at the head, or are added if c is nil.
func (a *Actor) mayCome(ctx context.Context, users []string, c *wire.Create) error {
	if err := a.mayReadNow(); err != nil {
		return err
	}
	set := a.core.settings()
	by := a.User().ID
	if a.key != nil {
		by = a.key.Bot().ID
	}
	i, e, n, err := a.core.lists.Refuses(ctx, by, set.Policies.Directs(), users, set.Conversations)
	if a.owe(n * recordCost); e == nil {
		return err
	}
	switch {
	case c == nil || c.Direct == "" && i < len(c.Users):
		e.Field = fmt.Sprintf("users[%d]", i)
	case c.Direct != "" && i == 0:
		e.Field = "direct"
	}
	return e
}

// SetMembers is the act of giving users a role in a conversation, or of removing them.
func (a Turn) SetMembers(ctx context.Context, c *wire.SetMembers) (journal.Receipt, error) {
	room, users := c.Room, c.Users
	role, err := access.ParseRole(c.Role)
	if err == nil {
		err = a.mayGovern(room)
	}
	if err != nil {
		return journal.Receipt{}, err
	}
	known, err := a.core.profiles.Of(ctx, users)
	if err != nil {
		return journal.Receipt{}, err
	}
	var asks *checking.Once
	if role != access.NoRole { // nobody is asked about who is removed
		asks = a.once(&check.Question{About: check.Member, Room: room, Users: users, Role: c.Role})
	}
	receipt, err := a.govern(ctx, &governing{
		room: room, users: users,
		// Whoever removes an owner must know who follows.
		all:  a.isAboveRoles() || role == access.NoRole && slices.Contains(users, a.User().ID),
		may:  func() error { return a.mayGovern(room) },
		asks: asks,
		judge: func(ctx context.Context, s *members.State, by members.By) (*members.Change, error) {
			change, err := s.SetRole(by, known, role)
			if err != nil || change == nil || role == access.NoRole {
				return change, err
			}
			if err := a.mayAdd(room, users, false); err != nil {
				return nil, err
			}
			if err := a.mayCome(ctx, s.Newcomers(users), nil); err != nil {
				return nil, err
			}
			shown, err := a.newcomers(ctx, users, asks)
			if err != nil {
				return nil, err
			}
			return s.SetRole(by, shown, role)
		},
	})
	if removed := events.Without(users, a.User().ID); err == nil && !receipt.Duplicate && role == access.NoRole && len(removed) > 0 {
		a.audit(events.Event{Act: "remove", Room: room, Users: removed})
	}
	return receipt, err
}

// SetInfo is the act of changing what a conversation is called, or of closing it.
func (a Turn) SetInfo(ctx context.Context, c *wire.SetInfo) (journal.Receipt, error) {
	about := &check.Question{About: check.Info, Room: c.Room}
	for to, from := range map[*string]*string{&about.Title: c.Title, &about.Avatar: c.Avatar, &about.Text: c.About} {
		*to = *cmp.Or(from, to)
	}
	return a.govern(ctx, &governing{
		room: c.Room,
		may: func() error {
			if err := a.mayGovern(c.Room); err != nil {
				return err
			}
			return a.notMuted(c.Room)
		},
		asks: a.once(about),
		judge: func(_ context.Context, s *members.State, by members.By) (*members.Change, error) {
			return s.SetInfo(by, members.Patch{Title: c.Title, Avatar: c.Avatar, About: c.About, Closed: c.Closed})
		},
	})
}

// mayGovern returns why nothing can be changed about a room by the actor, or nil. The
// rest is judged by what the room is.
func (a *Actor) mayGovern(room string) error {
	if err := wire.CheckRoom(room); err != nil {
		return err
	}
	if !a.rights(room, access.NoRole).Conversation || a.kind == raw || a.key != nil && !a.governs(room) {
		return wire.Forbidden.Error("")
	}
	return a.mayBeIn(room)
}

// Members is the act of asking who belongs to a conversation: at most limit of them,
// ordered by id, behind the id after.
func (a Turn) Members(ctx context.Context, room, after string, limit int) (*wire.MemberList, error) {
	if err := wire.CheckRoom(room); err != nil {
		return nil, err
	}
	in, err := a.doer(ctx, room)
	if err == nil && !in.Read && !a.governs(room) {
		err = wire.Forbidden.Error("")
	}
	if err == nil {
		err = a.mayReadNow()
	}
	if err != nil {
		return nil, err
	}
	if in.room.Version == 0 {
		return nil, wire.Forbidden.Error("")
	}
	list := &wire.MemberList{Room: room, Size: in.room.Size}
	seated, more, err := members.Page(ctx, a.core.journal.Records(), room, after, limit)
	if err != nil {
		return nil, err
	}
	list.More = more
	ids := make([]string, len(seated))
	for i, s := range seated {
		ids[i] = s.User
		list.Users = append(list.Users, wire.MemberOf{Role: s.Seat.Role.String(), Since: uint64(s.Seat.Since)})
	}
	a.owe(len(ids) * readCost)
	shown, err := a.core.profiles.Of(ctx, ids)
	for i := range shown {
		list.Users[i].User = wire.User(shown[i])
	}
	if err == nil && in.seat.Role != access.NoRole && in.room.Size <= in.Receipts && !in.apart() {
		err = a.core.lists.AddRead(ctx, room, list.Users)
	}
	return list, err
}
