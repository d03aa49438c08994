package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Bounds of requests about users.
const (
	maxPresence = 500
	tokenLife   = 24 * time.Hour
	maxLife     = 30 * 24 * time.Hour
)

// user returns the id in the path.
func (c *call) user() (string, error) {
	id := c.Path["id"]
	return id, wire.CheckUser("id", id)
}

// known is what answers a request for a user, and one row of what answers presence.
type known struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Avatar string `json:"avatar,omitempty"`
	Online bool   `json:"online"`
	Seen   int64  `json:"seen,omitempty"`
}

func user(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	id, err := c.user()
	if err != nil {
		return Answer{}, err
	}
	kept, err := t.Profiles()
	if err != nil {
		return Answer{}, err
	}
	shown, err := kept.Of(ctx, []string{id})
	if err != nil {
		return Answer{}, err
	}
	seen, err := kept.Seen(ctx, []string{id})
	if err != nil {
		return Answer{}, err
	}
	online, err := t.Online(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	k := known{ID: id, Name: shown[0].Name, Avatar: shown[0].Avatar, Online: len(online) > 0, Seen: seen[0]}
	if k == (known{ID: id}) {
		return Answer{}, wire.NotFound.Error("")
	}
	return asJSON(k)
}

func setUser(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	var b struct {
		Name   string `json:"name"`
		Avatar string `json:"avatar"`
	}
	id, err := c.user()
	if err == nil {
		err = c.object(&b)
	}
	if err != nil {
		return Answer{}, err
	}
	kept, err := t.Profiles()
	if err == nil {
		err = kept.Set(ctx, journal.User{ID: id, Name: b.Name, Avatar: b.Avatar})
	}
	if err != nil {
		return Answer{}, err
	}
	return user(ctx, t, c)
}

func presence(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	var b struct {
		Users []string `json:"users"`
	}
	if err := c.object(&b); err != nil {
		return Answer{}, err
	}
	if n := len(b.Users); n == 0 || n > maxPresence {
		return Answer{}, refuse(wire.BadFrame, "users", fmt.Sprintf("must be an array of 1 to %d ids", maxPresence))
	}
	for i, id := range b.Users {
		if err := wire.CheckUser(fmt.Sprintf("users[%d]", i), id); err != nil {
			return Answer{}, err
		}
	}
	kept, err := t.Profiles()
	if err != nil {
		return Answer{}, err
	}
	seen, err := kept.Seen(ctx, b.Users)
	if err != nil {
		return Answer{}, err
	}
	var answer struct {
		Users []known `json:"users"`
	}
	online, err := t.Online(ctx, b.Users...)
	if err != nil {
		return Answer{}, err
	}
	for i, id := range b.Users {
		answer.Users = append(answer.Users, known{ID: id, Online: slices.Contains(online, id), Seen: seen[i]})
	}
	return asJSON(answer)
}

func signOut(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	id, err := c.user()
	if err != nil {
		return Answer{}, err
	}
	n, err := t.SignOut(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	return asJSON(map[string]any{"user": id, "sessions": n})
}

func giveToken(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	b := struct {
		For int64 `json:"for"`
	}{int64(tokenLife / time.Millisecond)}
	id, err := c.user()
	if err == nil {
		err = c.object(&b)
	}
	if err != nil {
		return Answer{}, err
	}
	if b.For < 1000 || b.For > int64(maxLife/time.Millisecond) {
		return Answer{}, refuse(wire.BadFrame, "for", fmt.Sprintf("must be milliseconds, 1000 to %d", maxLife/time.Millisecond))
	}
	kept, err := t.Profiles()
	if err != nil {
		return Answer{}, err
	}
	if c.Tokens == nil {
		e := wire.NotFound.Error("")
		e.Message = "this server gives no tokens"
		return Answer{}, e
	}
	shown, err := kept.Of(ctx, []string{id})
	if err != nil {
		return Answer{}, err
	}
	token, expires, err := c.Tokens.Issue(ctx, id, time.Duration(b.For)*time.Millisecond)
	if err != nil {
		return Answer{}, err
	}
	t.Did("token", id)
	return Answer{Body: (&wire.Login{Token: token, Expires: expires.UnixMilli(), User: wire.User(shown[0])}).Append(nil)}, nil
}

func eraseUser(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	id, err := c.user()
	if err != nil {
		return Answer{}, err
	}
	messages, err := c.once("messages")
	if err == nil && messages != "erase" && messages != "keep" {
		err = refuse(wire.BadFrame, "messages", "must be erase or keep")
	}
	if err != nil {
		return Answer{}, err
	}
	done, err := t.EraseUser(ctx, c.Lister, id, messages == "keep")
	if err != nil {
		return Answer{}, err
	}
	return asJSON(done)
}
