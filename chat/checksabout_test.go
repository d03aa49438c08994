package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// noted is a check that notes what it is asked, and refuses what has "bad" in it.
type noted struct {
	mu    sync.Mutex
	asked []string
}

func (c *noted) Check(_ context.Context, q *check.Question) (check.Verdict, error) {
	text := fmt.Sprintf("%s by %s %s: %s%s%s%s%s %s", q.About, q.From.ID, q.From.Name, q.Title, q.Avatar, q.Text, q.Body, strings.Join(q.Users, "+"), q.Role)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, strings.TrimSpace(text))
	if strings.Contains(text, "bad") {
		return check.Verdict{Kind: check.Refuse, Message: "no"}, nil
	}
	return check.Verdict{Kind: check.Pass}, nil
}

// take returns what was asked since the last call.
func (c *noted) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := strings.Join(c.asked, "; ")
	c.asked = nil
	return all
}

// Everything that others could see of a conversation is asked about once, and what does not
// pass is not there; what nobody may do, or has been done before, is not asked about.
func TestChecks_Conversations(t *testing.T) {
	c := &noted{}
	set := everywhere(c)
	set.Policies = chatApp(t)
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		var g string
		for _, step := range []struct {
			who                 *client
			frame, answer, asks string
		}{
			{ann, `{"type":"create","id":"?","key":"k","title":"bad","users":["ben"]}`, "refused", "create by ann : badben"},
			{ann, `{"type":"create","id":"?","key":"k","title":"Trip","users":["ben"]}`, "", "create by ann : Tripben"},
			{ann, `{"type":"create","id":"?","key":"k","title":"Trip","users":["ben"]}`, "", ""},
			{ann, `{"type":"info","id":"?","room":%q,"title":"bad"}`, "refused", "info by ann : bad"},
			{ann, `{"type":"info","id":"?","room":%q,"title":"Choir"}`, "", "info by ann : Choir"},
			{ann, `{"type":"info","id":"?","room":%q,"title":"Choir"}`, "", ""},
			{ann, `{"type":"info","id":"?","room":%q,"title":""}`, "", ""},
			{ben, `{"type":"info","id":"?","room":%q,"title":"mine"}`, "forbidden", ""},
			{ann, `{"type":"member","id":"?","room":%q,"users":["bad"],"role":"member"}`, "refused", "member by ann : bad member"},
			{ann, `{"type":"member","id":"?","room":%q,"users":["cy"],"role":"member"}`, "", "member by ann : cy member"},
			{ann, `{"type":"member","id":"?","room":%q,"users":["cy"],"role":"none"}`, "", ""},
			{ben, `{"type":"send","id":"?","room":%q,"body":"x"}`, "not_joined", ""},
		} {
			frame := step.frame
			if strings.Contains(frame, "%q") {
				frame = fmt.Sprintf(frame, g)
			}
			if got := step.who.ask(frame); got != step.answer {
				t.Errorf("%s: %q", frame, got)
			}
			if strings.Contains(frame, "create") && step.answer == "" {
				g = ann.create(`"key":"k"`)
			}
			if got := c.take(); got != step.asks {
				t.Errorf("%s asks about %q", frame, got)
			}
		}
	})
}

// nameless is an Authenticator whose users have the names in their hello.
type nameless struct{}

func (nameless) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Token == "" {
		return &access.Identity{User: journal.User{ID: "guest-fresh", Guest: true}}, nil
	}
	return &access.Identity{User: journal.User{ID: c.Token}}, nil
}

// A name is asked about when it is new. One that does not pass is not shown: the one before
// stays, or there is none.
func TestChecks_Names(t *testing.T) {
	c := &noted{}
	set := everywhere(c)
	inBubble(t, set, nameless{}, func(t *testing.T, b *bubble) {
		for _, step := range []struct{ says, shown, asks string }{
			{`"token":"ann","name":"bad"`, "", "name by ann bad:"},
			{`"token":"ann","name":"Ann"`, "Ann", "name by ann Ann:"},
			{`"token":"ann","name":"Ann"`, "Ann", ""},
			{`"token":"ann","name":"bad"`, "Ann", "name by ann bad:"},
			{`"token":"ann"`, "", ""},
			{`"name":"bad"`, "", "name by $me bad:"},
			{`"name":"Bo"`, "Bo", "name by $me Bo:"},
		} {
			ann := b.connect()
			ann.send(`{"type":"hello",` + step.says + `}`)
			ann.expect(fmt.Sprintf(`{"type":"welcome","user":{"id":"$me","name":%q,"…":"…"},"…":"…"}`, step.shown))
			want := strings.ReplaceAll(step.asks, "$me", fmt.Sprint(ann.vars["me"]))
			if got := c.take(); got != want {
				t.Errorf("%s asks about %q, not %q", step.says, got, want)
			}
		}
	})
	set.Checks = check.Chain{check.New(check.Config{Checker: c, Rooms: []string{"*"}})}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		b.connect().hello(`,"token":"ann","name":"bad"`)
		if got := c.take(); got != "" {
			t.Errorf("a check of rooms is asked about %s", got)
		}
	})
}
