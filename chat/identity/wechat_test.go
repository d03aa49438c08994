package identity_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wire"
)

const (
	appID     = "wx0123456789abcdef"
	appSecret = "the-app-secret-itself"
	openID    = "oABCD-openid-of-li"
)

// fakeWeChat is a fake of WeChat's API. It answers a code with its handler in
// answers. Any other code is valid once, and its first letter tells the user.
type fakeWeChat struct {
	*httptest.Server
	mu      sync.Mutex // guards the fields below
	answers map[string]http.HandlerFunc
	used    map[string]bool
	calls   int
}

func newFakeWeChat(t *testing.T) *fakeWeChat {
	t.Helper()
	s := &fakeWeChat{answers: map[string]http.HandlerFunc{}, used: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *fakeWeChat) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := q.Get("js_code")
	s.mu.Lock()
	s.calls++
	answer, used := s.answers[code], s.used[code]
	s.used[code] = true
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain") // as WeChat does
	switch {
	case r.URL.Path != "/sns/jscode2session" || q.Get("grant_type") != "authorization_code":
		http.NotFound(w, r)
	case q.Get("appid") != appID:
		fmt.Fprint(w, `{"errcode":40013,"errmsg":"invalid appid"}`)
	case q.Get("secret") != appSecret:
		fmt.Fprint(w, `{"errcode":40125,"errmsg":"invalid appsecret"}`)
	case answer != nil:
		answer(w, r)
	case used:
		fmt.Fprint(w, `{"errcode":40163,"errmsg":"code been used, rid: 1"}`)
	default:
		fmt.Fprintf(w, `{"openid":%q,"session_key":"the-session-key","unionid":"u"}`, openID+code[:1])
	}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func (s *fakeWeChat) weChat(t *testing.T, change func(*identity.WeChatOptions)) *identity.WeChat {
	t.Helper()
	opt := identity.WeChatOptions{AppID: appID, AppSecret: appSecret, API: s.URL, Secrets: new(identity.MemorySecrets)}
	if change != nil {
		change(&opt)
	}
	w, err := identity.NewWeChat(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w
}

func login(t *testing.T, w *identity.WeChat, code string, referer string) (*wire.Login, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/chat/login", nil)
	r.Header.Set("Referer", referer)
	return w.Login(r, code)
}

func TestWeChat_Login_ReturnsATokenForACode(t *testing.T) {
	s := newFakeWeChat(t)
	secrets := new(identity.MemorySecrets)
	w := s.weChat(t, func(o *identity.WeChatOptions) { o.Secrets = secrets })
	li, err := login(t, w, "li-1", "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(li.User.ID, "wx-") || strings.Contains(li.User.ID, openID) || strings.Contains(li.Token, openID) {
		t.Errorf("%+v", li)
	}
	if left := time.Until(time.UnixMilli(li.Expires)); left < 7*24*time.Hour-time.Minute || left > 7*24*time.Hour {
		t.Errorf("valid for %v", left)
	}
	id, err := authenticate(w, li.Token)
	if err != nil || id.User.ID != li.User.ID || id.User.Guest || id.Settled || id.Expires.UnixMilli() != li.Expires {
		t.Errorf("%+v, %v", id, err)
	}
	// A user has the same id after every login and on every instance. Another
	// user has another id.
	elsewhere := s.weChat(t, func(o *identity.WeChatOptions) { o.Secrets = secrets })
	again, err := login(t, elsewhere, "li-2", "")
	if err != nil || again.User != li.User {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := authenticate(w, again.Token); err != nil {
		t.Errorf("another instance's token: %v", err)
	}
	max, err := login(t, w, "max-1", "")
	if err != nil || max.User.ID == li.User.ID {
		t.Errorf("%+v, %v", max, err)
	}
	stranger, err := login(t, s.weChat(t, nil), "li-3", "") // an instance with another key for ids
	if err != nil || stranger.User.ID == li.User.ID {
		t.Errorf("%+v, %v", stranger, err)
	}
	_, err = authenticate(w, stranger.Token)
	checkRefused(t, "another server's token", err, wire.BadToken)
	_, err = authenticate(identity.NewGuest(secrets, 0), li.Token)
	if err == nil {
		t.Error("a WeChat token makes a guest")
	}
}

func TestWeChat_Login_EveryAnswer(t *testing.T) {
	s := newFakeWeChat(t)
	var failures []string
	waiting := func(timeout time.Duration) *identity.WeChat {
		return s.weChat(t, func(o *identity.WeChatOptions) {
			o.Timeout = timeout
			o.Failed = func(err error) { failures = append(failures, err.Error()) }
		})
	}
	w, hurried := waiting(time.Minute), waiting(200*time.Millisecond) // any other answer may take longer beside load
	slow := make(chan struct{})
	t.Cleanup(func() { close(slow) })
	for code, c := range map[string]struct {
		answer http.HandlerFunc
		want   wire.Code
		retry  time.Duration
		told   string // the operator
	}{
		"busy":       {says(`{"errcode":-1,"errmsg":"system error"}`), wire.Unavailable, 2 * time.Second, ""},
		"bad":        {says(`{"errcode":40029,"errmsg":"invalid code, rid: 1"}`), wire.BadCode, wire.Never, ""},
		"used":       {says(`{"errcode":40163,"errmsg":"code been used"}`), wire.BadCode, wire.Never, ""},
		"risk":       {says(`{"errcode":40226,"errmsg":"code blocked"}`), wire.Forbidden, wire.Never, ""},
		"often":      {says(`{"errcode":45011,"errmsg":"api minute-quota reach limit"}`), wire.TooFast, time.Minute, ""},
		"appid":      {says(`{"errcode":40013,"errmsg":"invalid appid"}`), wire.Internal, 5 * time.Second, "the app_id is wrong"},
		"secret":     {says(`{"errcode":40125,"errmsg":"invalid appsecret"}`), wire.Internal, 5 * time.Second, "the app_secret is wrong"},
		"new":        {says(`{"errcode":50000,"errmsg":"?"}`), wire.Unavailable, 2 * time.Second, "errcode 50000"},
		"no openid":  {says(`{"session_key":"k"}`), wire.Unavailable, 2 * time.Second, "no openid"},
		"garbage":    {says(`<html>504</html>`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"endless":    {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat(" ", 1<<20))) }, wire.Unavailable, 2 * time.Second, "not JSON"},
		"an error":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, wire.Unavailable, 2 * time.Second, "status 502"},
		"too slow":   {func(http.ResponseWriter, *http.Request) { <-slow }, wire.Unavailable, 2 * time.Second, "deadline exceeded"},
		"hung up":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, wire.Unavailable, 2 * time.Second, "EOF"},
		"wrong type": {says(`{"openid":7}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"twice":      {says(`{"openid":"a","openid":"b"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"other case": {says(`{"OpenID":"a"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"behind it":  {says(`{"openid":"a"} {"openid":"b"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"surrogate":  {says(`{"openid":"a\ud800"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"zero":       {says(`{"openid":"a\u0000b"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"space":      {says(`{"openid":"a b"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
		"long":       {says(`{"openid":"` + strings.Repeat("a", 129) + `"}`), wire.Unavailable, 2 * time.Second, "not JSON"},
	} {
		t.Run(code, func(t *testing.T) {
			s.mu.Lock()
			s.answers[code] = c.answer
			s.mu.Unlock()
			failures = nil
			by := w
			if code == "too slow" {
				by = hurried
			}
			_, err := login(t, by, code, "")
			checkRefused(t, code, err, c.want)
			if e, ok := err.(*wire.Error); !ok || e.Retry != c.retry || e.Code.Status() < 400 {
				t.Errorf("%+v, want retry in %v", err, c.retry)
			}
			all := strings.Join(failures, "\n")
			if (c.told == "") != (all == "") || !strings.Contains(all, c.told) {
				t.Errorf("reported %q, want %q", all, c.told)
			}
			for _, secret := range []string{appSecret, "session", "js_code"} {
				if strings.Contains(all+err.Error(), secret) {
					t.Errorf("%q is in an error: %s, %v", secret, all, err)
				}
			}
		})
	}
	if _, err := login(t, w, "once", ""); err != nil {
		t.Fatal(err)
	}
	_, err := login(t, w, "once", "")
	checkRefused(t, "a code replayed", err, wire.BadCode)
	for _, code := range []string{"", strings.Repeat("x", 129)} {
		before := s.calls
		_, err := login(t, w, code, "")
		checkRefused(t, "not a code", err, wire.BadCode)
		if s.calls != before {
			t.Error("WeChat got a request for it")
		}
	}
}

func TestWeChat_Login_IsBounded(t *testing.T) {
	s := newFakeWeChat(t)
	w := s.weChat(t, func(o *identity.WeChatOptions) { o.Rate, o.Burst = 0.001, 3 })
	for i := range 10 {
		_, err := login(t, w, fmt.Sprint("li-", i), "")
		if i < 3 && err != nil {
			t.Error(err)
		} else if i >= 3 {
			checkRefused(t, "beyond the burst", err, wire.Unavailable)
		}
	}
	if s.calls != 3 {
		t.Errorf("WeChat got %d requests", s.calls)
	}
	// While WeChat is slow, 32 logins wait for it; the others fail at once.
	release := make(chan struct{})
	s.answers["slow"] = func(w http.ResponseWriter, _ *http.Request) {
		<-release
		says(`{"openid":"x"}`)(w, nil)
	}
	w = s.weChat(t, nil)
	done := make(chan error, 100)
	for range 100 {
		go func() {
			_, err := login(t, w, "slow", "")
			done <- err
		}()
	}
	for range 100 - 32 {
		checkRefused(t, "while 32 wait", <-done, wire.Unavailable)
	}
	close(release)
	for range 32 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// With another key every user would get another id, and ids made with an empty
// key would reveal the openid.
func TestWeChat_DamagedKeyOfIDs_IsUnavailable(t *testing.T) {
	for _, damaged := range []string{"", "short"} {
		secrets := new(identity.MemorySecrets)
		store(t, secrets, "wechat-ids", damaged)
		s := newFakeWeChat(t)
		w, err := identity.NewWeChat(identity.WeChatOptions{AppID: appID, AppSecret: appSecret, API: s.URL, Secrets: secrets})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "wechat-ids") || !strings.Contains(err.Error(), "bytes and not 32") {
			t.Errorf("start: %v", err)
		}
		_, err = login(t, w, "li-1", "")
		checkRefused(t, "a login", err, wire.Unavailable)
		if s.calls != 0 {
			t.Error("the code was used, but no token can be made")
		}
		if got := store(t, secrets, "wechat-ids", damaged); got != damaged {
			t.Errorf("%q was replaced by %q", damaged, got)
		}
	}
}

func TestWeChat_Login_FollowsNoRedirect(t *testing.T) {
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		says(`{"openid":"x"}`)(w, nil)
	}))
	t.Cleanup(other.Close)
	s := newFakeWeChat(t)
	s.answers["moved"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }
	var told error
	w := s.weChat(t, func(o *identity.WeChatOptions) { o.Failed = func(err error) { told = err } })
	_, err := login(t, w, "moved", "")
	checkRefused(t, "a redirect", err, wire.Unavailable)
	if n := asked.Load(); n != 0 || told == nil || !strings.Contains(told.Error(), "status 302") || strings.Contains(told.Error(), appSecret) {
		t.Errorf("another server got %d requests; reported %v", n, told)
	}
}

func TestWeChat_CheckReferer(t *testing.T) {
	w := newFakeWeChat(t).weChat(t, func(o *identity.WeChatOptions) { o.CheckReferer = true })
	if _, err := login(t, w, "li-1", "https://servicewechat.com/"+appID+"/devtools/page-frame.html"); err != nil {
		t.Error(err)
	}
	for _, referer := range []string{"", "https://servicewechat.com/wx1/1/page-frame.html", "https://evil.example/https://servicewechat.com/" + appID + "/"} {
		_, err := login(t, w, "li-2", referer)
		checkRefused(t, referer, err, wire.Forbidden)
	}
}

func TestWeChat_InvalidOptions_AreErrors(t *testing.T) {
	for want, opt := range map[string]identity.WeChatOptions{
		"needs the app_id":   {AppSecret: "x"},
		"the app_secret":     {AppID: "x"},
		"letters and digits": {AppID: "../x", AppSecret: "x"},
		"http or https":      {AppID: "x", AppSecret: "x", API: "ftp://x"},
	} {
		if _, err := identity.NewWeChat(opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
