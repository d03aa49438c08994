package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// WeChat signs in the users of a WeChat mini program: it exchanges the codes of
// wx.login for tokens, and accepts these tokens.
//
// A user's id is computed from the openid with a secret key, so that nobody
// without that key can tell the openid. The openid is kept encrypted, see Openids, and
// only by LoginKeeping. Neither it nor the session_key is logged or sent to anybody.
// The methods may be called concurrently.
type WeChat struct {
	openids  Openids
	opt      WeChatOptions
	signer   Signer
	inFlight chan struct{} // a semaphore: holds one value per request to WeChat
	limiter  *rate.Limiter

	mu    sync.Mutex // guards idKey
	idKey []byte     // the key for users' ids; nil until loadIDKey has loaded it
}

// WeChatOptions configure a [WeChat]. Zero fields mean the defaults.
type WeChatOptions struct {
	// AppID and AppSecret are those of the mini program. Required.
	AppID, AppSecret string
	// API is the http or https URL of WeChat's server API. Default
	// https://api.weixin.qq.com.
	API string
	// Life is how long a token is valid. Default 7 days.
	Life time.Duration
	// CheckReferer refuses logins without the Referer header that WeChat sets on
	// requests of this mini program.
	CheckReferer bool
	// Timeout bounds a login, the request to WeChat included. Default 5 seconds.
	Timeout time.Duration
	// Rate and Burst limit the requests to WeChat with a token bucket: Rate a
	// second on average, and up to Burst at once after a pause. Beyond that a
	// login is refused as unavailable, and also while 32 others wait for WeChat.
	// Default 50 and 200.
	Rate  float64
	Burst int
	// Secrets stores the keys, under the names "wechat-<AppID>" and "wechat-ids".
	// Required.
	Secrets Secrets
	// Failed, if not nil, is called at most once for each login with an error that
	// the operator should know. The error contains no secret. Failed may be called
	// concurrently.
	Failed func(error)
}

// ErrRefused is wrapped by an error of WeChatOptions.Failed if WeChat refuses to
// serve the mini program until the operator does something, such as correct
// the AppSecret.
var ErrRefused = errors.New("refused by WeChat")

const (
	wechatLife    = 7 * 24 * time.Hour
	wechatAPI     = "https://api.weixin.qq.com"
	wechatTimeout = 5 * time.Second
	wechatRate    = 50 // requests a second
	wechatBurst   = 200

	maxInFlight  = 32
	maxCode      = 128 // bytes
	busyRetry    = 2 * time.Second
	tooSoonRetry = time.Minute
)

// appIDs matches AppIDs. They are part of the names that keys are stored under.
var appIDs = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

// NewWeChat returns a WeChat, or an error that says which option is missing or
// invalid. It does no I/O.
func NewWeChat(opt WeChatOptions) (*WeChat, error) {
	switch {
	case opt.AppID == "" || opt.AppSecret == "":
		return nil, errors.New("wechat needs the app_id and the app_secret of the mini program")
	case !appIDs.MatchString(opt.AppID):
		return nil, errors.New("wechat: the app_id may contain only letters and digits, at most 64")
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
		opt.Timeout = wechatTimeout
	}
	if opt.Rate == 0 {
		opt.Rate = wechatRate
	}
	if opt.Burst == 0 {
		opt.Burst = wechatBurst
	}
	return &WeChat{
		openids:  Openids{Secrets: opt.Secrets},
		opt:      opt,
		signer:   Signer{Secrets: opt.Secrets, Name: "wechat-" + opt.AppID, Type: wechatType, Life: opt.Life},
		inFlight: make(chan struct{}, maxInFlight),
		limiter:  rate.NewLimiter(rate.Limit(opt.Rate), opt.Burst),
	}, nil
}

// Start loads the keys, or generates them, as [Signer.Start] does. It does not
// call WeChat.
func (w *WeChat) Start(ctx context.Context) error {
	_, err := w.loadIDKey(ctx)
	return errors.Join(err, w.signer.Start(ctx))
}

// Authenticate implements access.Authenticator for the tokens that Login returns.
func (w *WeChat) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	if typeOf(c.Token) != wechatType {
		return nil, access.ErrNoCredential
	}
	return w.signer.identify(ctx, c.Token)
}

// Login exchanges a code of wx.login for a token. r is the client's request: its
// context bounds the login, as Timeout does. The error is, or wraps, a
// [*wire.Error] with code bad_code, forbidden, too_fast, unavailable or internal.
func (w *WeChat) Login(r *http.Request, code string) (*wire.Login, error) {
	return w.LoginKeeping(r, code, nil)
}

// LoginKeeping is Login, and keeps the user's openid in records, so that checks can ask
// WeChat about what the user says. If that fails, the login does not.
func (w *WeChat) LoginKeeping(r *http.Request, code string, records journal.Records) (*wire.Login, error) {
	if w.opt.CheckReferer && !strings.HasPrefix(r.Referer(), "https://servicewechat.com/"+w.opt.AppID+"/") {
		return nil, wire.Forbidden.Error("")
	}
	if code == "" || len(code) > maxCode {
		return nil, wire.BadCode.Error("")
	}
	ctx, cancel := context.WithTimeout(r.Context(), w.opt.Timeout)
	defer cancel()
	// Before the request to WeChat: a code can be used only once.
	key, err := w.loadIDKey(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := w.openID(ctx, code)
	if err != nil {
		return nil, err
	}
	user := w.userID(key, answer.OpenID)
	if records != nil {
		if err := w.openids.Keep(ctx, records, user, Openid{App: w.opt.AppID, OpenID: answer.OpenID, UnionID: answer.UnionID}); err != nil {
			w.report(fmt.Errorf("an openid was not kept, so WeChat can't be asked about what the user says: %w", err))
		}
	}
	token, expires, err := w.signer.Sign(ctx, user)
	if err != nil {
		return nil, err
	}
	return &wire.Login{Token: token, Expires: expires.UnixMilli(), User: wire.User{ID: user}}, nil
}

// openID asks WeChat for the answer to a code, which has an openid, within the rate limit and the
// limit of concurrent requests. It never waits for either.
func (w *WeChat) openID(ctx context.Context, code string) (*wechatAnswer, error) {
	if !w.limiter.Allow() {
		return nil, unavailable(busyRetry)
	}
	select {
	case w.inFlight <- struct{}{}:
		defer func() { <-w.inFlight }()
	default:
		return nil, unavailable(busyRetry)
	}
	answer, err := code2Session(ctx, w.opt.API, w.opt.AppID, w.opt.AppSecret, code)
	if err != nil {
		if !errors.Is(err, context.Canceled) { // otherwise the client has gone
			w.report(err)
		}
		return nil, unavailable(busyRetry)
	}
	return answer, w.refusal(answer)
}

// unavailable returns the error for a client that should try again after retry.
func unavailable(retry time.Duration) error {
	e := wire.Unavailable.Error("")
	e.Retry = retry
	return e
}

// refusal turns WeChat's error code into what the client is told. It is nil if the answer
// has an openid.
func (w *WeChat) refusal(answer *wechatAnswer) error {
	switch answer.Code {
	case 0:
		if answer.OpenID == "" {
			w.report(errors.New("ask WeChat: the answer has no openid"))
			return unavailable(busyRetry)
		}
		return nil
	case -1: // WeChat is busy
		return unavailable(busyRetry)
	case 40029, 40163: // the code is invalid, or has been used
		return wire.BadCode.Error("")
	case 40226: // WeChat considers the user a risk
		return wire.Forbidden.Error("")
	case 45011: // too many requests, for this user or this mini program
		e := wire.TooFast.Error("")
		e.Retry = tooSoonRetry
		return e
	case 40013:
		w.report(fmt.Errorf("%w: the app_id is wrong (40013)", ErrRefused))
	case 40125:
		w.report(fmt.Errorf("%w: the app_secret is wrong (40125): take the one that the mini program's console shows", ErrRefused))
	default:
		w.report(fmt.Errorf("%w: errcode %d", ErrRefused, answer.Code))
		return unavailable(busyRetry)
	}
	return wire.Internal.Error("")
}

func (w *WeChat) report(err error) {
	if w.opt.Failed != nil {
		w.opt.Failed(err)
	}
}

// loadIDKey returns the key that userID needs, and generates it the first time.
// The key is the same on every instance that shares the secrets, and is never
// replaced: with another key every user would get another id.
func (w *WeChat) loadIDKey(ctx context.Context) ([]byte, error) {
	w.mu.Lock()
	key := w.idKey
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
		return nil, fmt.Errorf("key of WeChat users' ids, stored as \"wechat-ids\": %w: %w", wire.Unavailable.Error(""), err)
	}
	w.mu.Lock()
	w.idKey = key
	w.mu.Unlock()
	return key, nil
}

// userID returns the user id for an openid: an HMAC, cut to 128 bits.
func (w *WeChat) userID(key []byte, openID string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(w.opt.AppID + "\x00" + openID))
	sum := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:16])
	return wechatPrefix + strings.ToLower(sum)
}
