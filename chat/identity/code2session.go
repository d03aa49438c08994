package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddychat/caddy-chat/chat/internal/outgoing"
	"github.com/caddychat/caddy-chat/chat/wire"
)

const maxAnswer = 64 << 10 // bytes

// wechatClient follows no redirect: the Referer header of the next request would
// contain the URL of this one, and so the AppSecret.
var wechatClient = &http.Client{
	Transport:     outgoing.Usual(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// wechatAnswer is what we read of WeChat's answer. We do not decode the
// session_key.
type wechatAnswer struct {
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid"`
	Code    int    `json:"errcode"`
}

// code2Session calls WeChat's API of that name with a code of wx.login. The error
// contains neither the code nor the AppSecret.
func code2Session(ctx context.Context, api, appID, appSecret, code string) (*wechatAnswer, error) {
	query := url.Values{
		"appid": {appID}, "secret": {appSecret}, "js_code": {code}, "grant_type": {"authorization_code"},
	}
	address := strings.TrimSuffix(api, "/") + "/sns/jscode2session?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("ask WeChat: the api is not a URL")
	}
	res, err := wechatClient.Do(req)
	if err != nil {
		var of *url.Error // its text contains the URL, and so the AppSecret
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("ask WeChat: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask WeChat: status %s", res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask WeChat: %w", err)
	}
	// It says who somebody is: of what can be read in two ways, nothing is taken.
	var answer wechatAnswer
	if wire.UnmarshalOpen(text, &answer) != nil || !isOpenID(answer.OpenID) {
		return nil, errors.New("ask WeChat: the answer is not JSON as documented")
	}
	return &answer, nil
}

// isOpenID reports whether a text has only what openids have: letters, digits, - and _. It may be empty.
func isOpenID(text string) bool {
	const has = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return len(text) <= wire.MaxUser && !strings.ContainsFunc(text, func(c rune) bool { return !strings.ContainsRune(has, c) })
}
