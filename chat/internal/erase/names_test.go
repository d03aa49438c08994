package erase

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// A user's name and picture go wherever an entry shows them, and nothing else does.
func TestNames_Hide(t *testing.T) {
	ann := journal.User{ID: `a"n<n`, Name: "Ann", Avatar: "https://a/b", Guest: true}
	ben := journal.User{ID: "ben", Name: "Ben", Avatar: "https://b/a"}
	member := func(owner journal.User, users ...journal.User) []byte {
		m := wire.Members{Role: "member", Title: "T", Avatar: "https://t", About: "A"}
		for _, u := range users {
			m.Users = append(m.Users, wire.User(u))
		}
		m.Owner = (*wire.User)(&owner)
		return m.Append(nil)
	}
	bare := journal.User{ID: ann.ID, Guest: true}
	for name, c := range map[string]struct{ in, want journal.Entry }{
		"a message":           {journal.Entry{Kind: journal.Message, From: ann, Body: []byte(`"Ann"`)}, journal.Entry{Kind: journal.Message, From: bare, Body: []byte(`"Ann"`)}},
		"of somebody else":    {journal.Entry{Kind: journal.Message, From: ben}, journal.Entry{Kind: journal.Message, From: ben}},
		"without a name":      {journal.Entry{Kind: journal.Message, From: bare}, journal.Entry{Kind: journal.Message, From: bare}},
		"a member":            {journal.Entry{Kind: journal.Member, From: ben, Body: member(ben, ben, ann)}, journal.Entry{Kind: journal.Member, From: ben, Body: member(ben, ben, bare)}},
		"an owner":            {journal.Entry{Kind: journal.Member, From: ben, Body: member(ann, ben)}, journal.Entry{Kind: journal.Member, From: ben, Body: member(bare, ben)}},
		"other members":       {journal.Entry{Kind: journal.Member, From: ben, Body: member(ben, ben)}, journal.Entry{Kind: journal.Member, From: ben, Body: member(ben, ben)}},
		"a member entry from": {journal.Entry{Kind: journal.Member, From: ann, Body: member(ben)}, journal.Entry{Kind: journal.Member, From: bare, Body: member(ben)}},
		"what is no member":   {journal.Entry{Kind: journal.Message, From: ben, Body: member(ann, ann)}, journal.Entry{Kind: journal.Message, From: ben, Body: member(ann, ann)}},
		"a tag":               {journal.Entry{Kind: journal.Tag, From: ann, Target: 1, Body: []byte(`{"tag":"Ann","value":true}`)}, journal.Entry{Kind: journal.Tag, From: bare, Target: 1}},
		"a shared tag":        {journal.Entry{Kind: journal.Tag, From: ann, Target: 1, Body: []byte(`{"tag":"Ann","value":{"shared":false},"shared":true}`)}, journal.Entry{Kind: journal.Tag, From: bare, Target: 1, Body: []byte(`{"tag":"Ann","value":{"shared":false},"shared":true}`)}},
		"a tag of another":    {journal.Entry{Kind: journal.Tag, From: ben, Target: 1, Body: []byte(`{"tag":"Ann","value":true}`)}, journal.Entry{Kind: journal.Tag, From: ben, Target: 1, Body: []byte(`{"tag":"Ann","value":true}`)}},
		"no JSON":             {journal.Entry{Kind: journal.Member, From: ben, Body: []byte(`{`)}, journal.Entry{Kind: journal.Member, From: ben, Body: []byte(`{`)}},
	} {
		n := names{user: ann.ID}
		before, got := string(c.in.Body), c.in
		changed := n.hide(&got)
		if !reflect.DeepEqual(got, c.want) || changed == reflect.DeepEqual(c.in, c.want) {
			t.Errorf("%s: %t\n got %+v %s\nwant %+v %s", name, changed, got, got.Body, c.want, c.want.Body)
		}
		if string(c.in.Body) != before {
			t.Errorf("%s: the bytes of the entry were changed", name)
		}
		if n.hide(&got) {
			t.Errorf("%s: it is changed again", name)
		}
	}
}

// What a member entry's body has survives: also what a later version adds must be known here.
func TestNames_KnowAllFieldsOfMembers(t *testing.T) {
	user := wire.User{ID: "u", Name: "n", Avatar: "a", Guest: true}
	all := wire.Members{Users: []wire.User{user}, Role: "r", Owner: &user, Title: "t", Avatar: "v", About: "b"}
	for v, i := reflect.ValueOf(all), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("this test says nothing of %s", v.Type().Field(i).Name)
		}
	}
	var back wire.Members
	body := all.Append(nil)
	if err := json.Unmarshal(body, &back); err != nil || !reflect.DeepEqual(back, all) {
		t.Errorf("%s became %+v, %v", body, back, err)
	}
	n := names{user: "u"}
	if got := string(n.hideMember(body)); strings.ReplaceAll(strings.ReplaceAll(string(body), `"name":"n"`, `"name":""`), `"avatar":"a",`, "") != got {
		t.Errorf("%s\nbecame\n%s", body, got)
	}
}
