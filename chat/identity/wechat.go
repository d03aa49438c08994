package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// WeChat gives the users of a mini program tokens for the codes of wx.login, and
// takes those tokens. A user's id is made of the openid so that nobody can tell
// it from there; neither the openid nor the session_key is kept or shown. Its
// methods may be called concurrently.
type WeChat struct {
	opt    WeChatOptions
	signer Signer
	turns  chan struct{} // one for each call under way
	pace   *rate.Limiter

	mu     sync.Mutex // guards pepper
	pepper []byte     // what ids are made with; nil until it is needed
}

// WeChatOptions say which mini program it is. Zero fields mean the defaults.
type WeChatOptions struct {
	// AppID and AppSecret are the mini program's. Required.
	AppID, AppSecret string
	// API is where WeChat is asked. Default https://api.weixin.qq.com.
	API string
	// Life is how long a token is good for. Default 7 days.
	Life time.Duration
	// CheckReferer refuses logins that don't come from the mini program, as the
	// header Referer says, which WeChat sets.
	CheckReferer bool
	// Timeout bounds a call. Default 5 s.
	Timeout time.Duration
	// Rate bounds the calls a second, and Burst those at once. Default 50 and 200.
	Rate  float64
	Burst int
	// Secrets keeps the keys. Required.
	Secrets Secrets
	// Failed is told what the operator must know of, if not nil, once for each
	// login: nothing in it is secret.
	Failed func(error)
}

// ErrRefused is behind failures that only the operator can end: WeChat refuses to
// say whose codes they are.
var ErrRefused = errors.New("refused by WeChat")

const (
	wechatPrefix = "wx-"
	wechatLife   = 7 * 24 * time.Hour
	wechatAPI    = "https://api.weixin.qq.com"

	maxCalls     = 32       // under way at once
	maxCode      = 128      // bytes
	maxWeChat    = 64 << 10 // bytes of an answer
	busyRetry    = 2 * time.Second
	tooSoonRetry = time.Minute
)

// appIDs are parts of the names that keys are kept under.
var appIDs = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

// NewWeChat returns a WeChat.
func NewWeChat(opt WeChatOptions) (*WeChat, error) {
	switch {
	case opt.AppID == "" || opt.AppSecret == "":
		return nil, errors.New("wechat needs the app_id and the app_secret of the mini program")
	case !appIDs.MatchString(opt.AppID):
		return nil, errors.New("wechat: the app_id has letters and digits only")
	}
	if opt.API == "" {
		opt.API = wechatAPI
	}
	if u, err := url.Parse(opt.API); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("wechat: api must be an http or https URL")
	}
	if opt.Life == 0 {
		opt.Life = wechatLife
	}
	if opt.Timeout == 0 {
		opt.Timeout = 5 * time.Second
	}
	if opt.Rate == 0 {
		opt.Rate = 50
	}
	if opt.Burst == 0 {
		opt.Burst = 200
	}
	return &WeChat{
		opt:    opt,
		signer: Signer{Secrets: opt.Secrets, Name: "wechat-" + opt.AppID, Type: wechatType, Life: opt.Life},
		turns:  make(chan struct{}, maxCalls),
		pace:   rate.NewLimiter(rate.Limit(opt.Rate), opt.Burst),
	}, nil
}

// Start makes what the other methods need.
func (w *WeChat) Start(ctx context.Context) error {
	_, err := w.idKey(ctx)
	return errors.Join(err, w.signer.Start(ctx))
}

// Authenticate implements chat.Authenticator, for the tokens that Login gives.
func (w *WeChat) Authenticate(ctx context.Context, c chat.Credential) (*chat.Identity, error) {
	if typeOf(c.Token) != wechatType {
		return nil, chat.ErrNoCredential
	}
	user, expires, err := w.signer.Verify(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	return &chat.Identity{User: chat.User{ID: user}, Expires: expires}, nil
}

// Login gives a token for a code. The error is one that a client is told.
func (w *WeChat) Login(r *http.Request, code string) (*wire.Login, error) {
	if w.opt.CheckReferer && !strings.HasPrefix(r.Referer(), "https://servicewechat.com/"+w.opt.AppID+"/") {
		return nil, wire.Forbidden.Error("")
	}
	if code == "" || len(code) > maxCode {
		return nil, wire.BadCode.Error("")
	}
	ctx, cancel := context.WithTimeout(r.Context(), w.opt.Timeout)
	defer cancel()
	key, err := w.idKey(ctx) // before the code is used up
	if err != nil {
		return nil, err
	}
	openID, err := w.openID(ctx, code)
	if err != nil {
		return nil, err
	}
	user := w.userID(key, openID)
	token, expires, err := w.signer.Sign(ctx, user)
	if err != nil {
		return nil, err
	}
	return &wire.Login{Token: token, Expires: expires.UnixMilli(), User: wire.User{ID: user}}, nil
}

// openID asks WeChat whose code it is. It bounds how many ask at once, and how
// often.
func (w *WeChat) openID(ctx context.Context, code string) (string, error) {
	if !w.pace.Allow() {
		return "", busy(busyRetry)
	}
	select {
	case w.turns <- struct{}{}:
		defer func() { <-w.turns }()
	default:
		return "", busy(busyRetry)
	}
	answer, err := w.ask(ctx, code)
	if err != nil {
		if !errors.Is(err, context.Canceled) { // else the client has gone
			w.failed(err)
		}
		return "", busy(busyRetry)
	}
	return w.judge(answer)
}

func busy(retry time.Duration) error {
	e := wire.Unavailable.Error("")
	e.Retry = retry
	return e
}

// wechatClient follows no redirect: the header Referer of the next request would
// tell whoever is asked there the address of this one, and the secret in it.
var wechatClient = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// session is WeChat's answer. Its session_key is not even read.
type session struct {
	OpenID string `json:"openid"`
	Code   int    `json:"errcode"`
}

func (w *WeChat) ask(ctx context.Context, code string) (*session, error) {
	query := url.Values{
		"appid": {w.opt.AppID}, "secret": {w.opt.AppSecret}, "js_code": {code}, "grant_type": {"authorization_code"},
	}
	address := strings.TrimSuffix(w.opt.API, "/") + "/sns/jscode2session?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("ask WeChat: the api is not a URL")
	}
	res, err := wechatClient.Do(req)
	if err != nil {
		var of *url.Error // whose text holds the address, and that the secret
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("ask WeChat: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask WeChat: status %s", res.Status)
	}
	var answer session
	if err := json.NewDecoder(io.LimitReader(res.Body, maxWeChat)).Decode(&answer); err != nil {
		return nil, errors.New("ask WeChat: the answer is not JSON as documented")
	}
	return &answer, nil
}

// judge tells from an answer whose code it was, or why there is no telling.
func (w *WeChat) judge(answer *session) (string, error) {
	switch answer.Code {
	case 0:
		if answer.OpenID == "" {
			w.failed(errors.New("ask WeChat: the answer has no openid"))
			return "", busy(busyRetry)
		}
		return answer.OpenID, nil
	case -1: // WeChat is busy
		return "", busy(busyRetry)
	case 40029, 40163: // not a code, or used before
		return "", wire.BadCode.Error("")
	case 40226: // WeChat thinks the user a risk
		return "", wire.Forbidden.Error("")
	case 45011: // too often, for this user or this mini program
		e := wire.TooFast.Error("")
		e.Retry = tooSoonRetry
		return "", e
	case 40013:
		w.failed(fmt.Errorf("%w: the app_id is wrong (40013)", ErrRefused))
	case 40125:
		w.failed(fmt.Errorf("%w: the app_secret is wrong (40125): take the one that the mini program's console shows", ErrRefused))
	default:
		w.failed(fmt.Errorf("%w: errcode %d", ErrRefused, answer.Code))
		return "", busy(busyRetry)
	}
	return "", wire.Internal.Error("")
}

func (w *WeChat) failed(err error) {
	if w.opt.Failed != nil {
		w.opt.Failed(err)
	}
}

// idKey returns what users' ids are made with: the same for ever, on every
// instance that shares the secrets. It does not rotate: with another one nobody
// would be who they were.
func (w *WeChat) idKey(ctx context.Context) ([]byte, error) {
	w.mu.Lock()
	key := w.pepper
	w.mu.Unlock()
	if key != nil {
		return key, nil
	}
	key, err := w.opt.Secrets.Update(ctx, "wechat-ids", func(old []byte) ([]byte, error) {
		if old == nil {
			old = make([]byte, keySize)
			rand.Read(old)
		}
		if len(old) != keySize {
			return nil, fmt.Errorf("it has %d bytes and not %d", len(old), keySize)
		}
		return old, nil
	})
	if err != nil {
		return nil, fmt.Errorf("key of WeChat users' ids, kept as \"wechat-ids\": %w: %w", wire.Unavailable.Error(""), err)
	}
	w.mu.Lock()
	w.pepper = key
	w.mu.Unlock()
	return key, nil
}

// userID is the pseudonym of an openid.
func (w *WeChat) userID(key []byte, openID string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(w.opt.AppID + "\x00" + openID))
	sum := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:16])
	return wechatPrefix + strings.ToLower(sum)
}
