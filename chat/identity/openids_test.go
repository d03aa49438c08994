package identity_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
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
	if n, err := identity.ForgetOpenid(t.Context(), records, in.User.ID); n != 1 || err != nil || stored() != "" {
		t.Errorf("%q, %v", stored(), err)
	}
	if got, err := openids.Of(t.Context(), records, in.User.ID); err != nil || got != (identity.Openid{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// An openid that was written a day ago is written again at the next login, and a younger one
// is not.
func TestOpenids_AreWrittenAgainAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := memjournal.New(memjournal.Options{}).Records()
		openids := &identity.Openids{Secrets: new(identity.MemorySecrets)}
		at := func(wait time.Duration) int64 {
			time.Sleep(wait)
			if err := openids.Keep(t.Context(), records, "wx-li", identity.Openid{App: appID, OpenID: openID}); err != nil {
				t.Fatal(err)
			}
			is, err := openids.Of(t.Context(), records, "wx-li")
			if err != nil {
				t.Fatal(err)
			}
			return is.At
		}
		first := at(0)
		if younger := at(24*time.Hour - time.Millisecond); younger != first {
			t.Error("a younger one is written again")
		}
		if again := at(time.Millisecond); again != time.Now().UnixMilli() {
			t.Error("one that is a day old is not written again")
		}
	})
}

// badRecords fail, or do not answer.
type badRecords struct {
	journal.Records
	get, put func(context.Context) error
}

func (r badRecords) Get(ctx context.Context, _ string) (journal.Record, error) {
	return journal.Record{}, r.get(ctx)
}

func (r badRecords) Put(ctx context.Context, _ string, _ []byte) error { return r.put(ctx) }

// Who logs in while the records are full, fail or do not answer gets a token all the same,
// and the operator hears that the openid was not kept.
func TestOpenids_NotKept_TheLoginGoesOn(t *testing.T) {
	fine := func(context.Context) error { return nil }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	fails := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	for name, bad := range map[string]badRecords{
		"full":        {get: fine, put: fails(journal.ErrLimit)},
		"unavailable": {get: fails(journal.ErrUnavailable), put: fails(journal.ErrUnavailable)},
		"no answer":   {get: hangs, put: hangs},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeWeChat(t)
			var told error
			w := s.weChat(t, func(o *identity.WeChatOptions) {
				o.Timeout, o.Failed = time.Second, func(err error) { told = err }
			})
			in, err := w.LoginKeeping(httptest.NewRequestWithContext(t.Context(), "POST", "/chat/login", nil), "li-1", bad)
			if err != nil || in.Token == "" {
				t.Errorf("%+v, %v", in, err)
			}
			if told == nil || !strings.Contains(told.Error(), "was not kept") || strings.Contains(told.Error(), openID) {
				t.Errorf("told %v", told)
			}
		})
	}
}
