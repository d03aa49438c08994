package identity_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// A login keeps the openid, and nobody reads it without the key, nor as another user's. It is
// written again only if it has changed, or after a day.
func TestOpenids_AreKeptEncrypted(t *testing.T) {
	s := newFakeWeChat(t)
	secrets := new(identity.MemorySecrets)
	w := s.weChat(t, func(o *identity.WeChatOptions) { o.Secrets = secrets })
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	records := j.Records()
	in, err := w.LoginKeeping(httptest.NewRequestWithContext(t.Context(), "POST", "/chat/login", nil), "li-1", records)
	if err != nil {
		t.Fatal(err)
	}
	key := "wechat\x00" + in.User.ID
	stored := func() string {
		r, err := records.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Value)
	}
	first := stored()
	if strings.Contains(first, openID) || first == "" {
		t.Errorf("stored %q", first)
	}
	openids := &identity.Openids{Secrets: secrets}
	is, err := openids.Of(t.Context(), records, in.User.ID)
	if err != nil || is.OpenID != openID+"l" || is.App != appID || is.UnionID != "u" {
		t.Errorf("%+v, %v", is, err)
	}
	keep := func(change func(*identity.Openid)) bool {
		before := stored()
		changed := is
		change(&changed)
		if err := openids.Keep(t.Context(), records, in.User.ID, changed); err != nil {
			t.Fatal(err)
		}
		return stored() != before
	}
	if keep(func(*identity.Openid) {}) || !keep(func(is *identity.Openid) { is.UnionID = "v" }) {
		t.Error("what is the same is written again, or what has changed is not")
	}
	for name, of := range map[string]*identity.Openids{"another key": {Secrets: new(identity.MemorySecrets)}, "another user": openids} {
		user := in.User.ID
		if name == "another user" {
			user = "wx-other"
			if err := records.Put(t.Context(), "wechat\x00"+user, []byte(first)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := of.Of(t.Context(), records, user); err == nil || got != (identity.Openid{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err := identity.ForgetOpenid(t.Context(), records, in.User.ID); err != nil || stored() != "" {
		t.Errorf("%q, %v", stored(), err)
	}
	if got, err := openids.Of(t.Context(), records, in.User.ID); err != nil || got != (identity.Openid{}) {
		t.Errorf("%+v, %v", got, err)
	}
}
