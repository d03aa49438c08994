// Package profiles keeps what is known of users: their names and pictures, when they were
// here last, and until when they were signed out.
//
// # Records
//
//	user\0{id}        what is shown of a user
//	last\0{id}        when the user came, or left, last: Unix milliseconds
//	signedout\0{hash} the time up to which tokens of this server are refused. The hash is
//	                  that of the id, so that the record of an erased user names nobody
//
// # Files, lowest first
//
//	profiles.go   what is shown of users
//	guests.go     profiles of guests that nobody needs
//	seen.go       when users were here last
//	signedout.go  tokens that are no longer good
//	comings.go    users come and leave
package profiles

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Profiles are those of a journal's records. Those of guests are kept from when they belong to
// a conversation.
type Profiles struct {
	Records journal.Records
	// Online returns those of these users who have sessions, at any node. It may ask other nodes.
	Online func(ctx context.Context, ids []string) []journal.User
}

func key(user string) string { return "user\x00" + user }

func lastKey(user string) string { return "last\x00" + user }

// profile is a record.
type profile struct {
	Name   string `json:"name,omitempty"`
	Avatar string `json:"avatar,omitempty"`
	Guest  bool   `json:"guest,omitempty"`
}

// Of returns what is shown of users, in the order asked. Nothing is known of a user who was
// never here.
func (p Profiles) Of(ctx context.Context, ids []string) ([]journal.User, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	records, err := p.Records.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	users := make([]journal.User, len(ids))
	for i, r := range records {
		var shown profile
		if r.Value != nil {
			if err := json.Unmarshal(r.Value, &shown); err != nil {
				return nil, fmt.Errorf("the record of a user makes no sense: %w", err)
			}
		}
		users[i] = journal.User{ID: ids[i], Name: shown.Name, Avatar: shown.Avatar, Guest: shown.Guest}
	}
	return users, nil
}

// Leave drops, with a change of a conversation, all that is kept there of those who are removed
// and of whom nothing else is kept: no client of theirs was ever here while they belonged to one.
// Otherwise somebody who adds and removes people that they invent would fill the store. keys are
// those of records of a user in the conversation.
func (p Profiles) Leave(ctx context.Context, c *members.Change, keys func(user string) []string) error {
	gone := c.Gone()
	if len(gone) == 0 {
		return nil
	}
	all := make([]string, len(gone))
	for i, id := range gone {
		all[i] = key(id)
	}
	records, err := p.Records.GetMany(ctx, all)
	for i, r := range records {
		if r.Value == nil {
			c.Drop(gone[i], keys(gone[i])...)
		}
	}
	return err
}

// Newcomers is Of for users who come into a conversation, as has been permitted: a stranger
// would learn from the time of the answer who is here. Of guests of whom nothing is kept it
// returns what their sessions say, and keeps that before the others see that they came.
func (p Profiles) Newcomers(ctx context.Context, ids []string) ([]journal.User, error) {
	users, err := p.Of(ctx, ids)
	var unknown []string
	for _, u := range users {
		if !u.Guest && strings.HasPrefix(u.ID, access.GuestPrefix) {
			unknown = append(unknown, u.ID)
		}
	}
	if len(unknown) == 0 {
		return users, err
	}
	for _, now := range p.Online(ctx, unknown) {
		if i := slices.Index(ids, now.ID); i >= 0 {
			users[i] = now
			if err := p.Keep(ctx, now); err != nil {
				return nil, err
			}
		}
	}
	return users, nil
}

// Greeted is Keep for a user who says hello: a guest may have been added to a conversation
// while they were away, or may have another name.
func (p Profiles) Greeted(ctx context.Context, user journal.User) error {
	if user.Guest {
		if is, err := members.IsMember(ctx, p.Records, user.ID); err != nil || !is {
			return err
		}
	}
	return p.Keep(ctx, user)
}

// Keep notes what is shown of a user, for the lists of others. It writes only if that has
// changed.
func (p Profiles) Keep(ctx context.Context, user journal.User) error {
	now := profile{Name: user.Name, Avatar: user.Avatar, Guest: user.Guest}
	kept, err := p.Records.Get(ctx, key(user.ID))
	if err != nil {
		return err
	}
	value, err := json.Marshal(now)
	if err != nil || string(kept.Value) == string(value) {
		return err
	}
	return p.Records.Update(ctx, key(user.ID), func([]byte) ([]byte, error) { return value, nil })
}

// Set is Keep for what the site says of a user.
func (p Profiles) Set(ctx context.Context, user journal.User) error {
	if access.IsReservedUser(user.ID) {
		e := wire.Forbidden.Error("")
		e.Field, e.Message = "id", "ids that begin with bot- or hub- belong to the server"
		return e
	}
	return p.Keep(ctx, access.CleanUser(user))
}

// Restored returns the record of what is shown of a user, for a journal in which the user
// may be unknown.
func Restored(user journal.User) (journal.Record, error) {
	value, err := json.Marshal(profile{Name: user.Name, Avatar: user.Avatar, Guest: user.Guest})
	return journal.Record{Key: key(user.ID), Value: value}, err
}

// Forget deletes what is known of a user, but for the time until which they were signed out.
// It returns how many records there were.
func (p Profiles) Forget(ctx context.Context, user string) (n int, err error) {
	for _, key := range []string{key(user), lastKey(user)} {
		there := false
		failed := p.Records.Update(ctx, key, func(old []byte) ([]byte, error) { there = old != nil; return nil, nil })
		if err = cmp.Or(err, failed); failed == nil && there {
			n++
		}
	}
	return n, err
}
