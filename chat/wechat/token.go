package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/outgoing"
)

const maxAnswer = 64 << 10 // bytes

// client follows no redirect: what it sends would come to somebody else.
var client = &http.Client{
	Transport:     outgoing.Usual(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends a command to WeChat. The error has nothing of it, nor of the URL.
func post(ctx context.Context, api, path string, query url.Values, command, answer any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // WeChat wants the characters themselves
	if err := encoder.Encode(command); err != nil {
		return errors.New("the question cannot be written as JSON")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(api, "/")+path+"?"+query.Encode(), &body)
	if err != nil {
		return errors.New("the api is not a URL")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		var of *url.Error // its text has the URL, and so the token
		if errors.As(err, &of) {
			err = of.Err
		}
		return fmt.Errorf("ask WeChat: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask WeChat: status %d", res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(text) > maxAnswer || json.Unmarshal(text, answer) != nil {
		return errors.New("ask WeChat: the answer is not JSON as documented")
	}
	return nil
}

// token is the credential of the server, as WeChat has given it.
type token struct {
	text string
	ends time.Time
}

// tokens are how the server gets its credential.
type tokens struct {
	api, appID, appSecret string     // fixed
	newest                chan token // has one, unless somebody asks for another
}

func newTokens(api, appID, appSecret string) *tokens {
	ts := &tokens{api, appID, appSecret, make(chan token, 1)}
	ts.newest <- token{}
	return ts
}

// get returns the credential. Only one goroutine at a time asks for it; the others wait
// for the answer, or until ctx ends. WeChat gives all servers the same one, and is never told
// to replace it.
func (ts *tokens) get(ctx context.Context) (string, error) {
	select {
	case t := <-ts.newest:
		defer func() { ts.newest <- t }()
		if time.Now().Before(t.ends) {
			return t.text, nil
		}
		var answer struct {
			Token string  `json:"access_token"`
			For   float64 `json:"expires_in"`
			Code  int     `json:"errcode"`
		}
		command := map[string]any{"grant_type": "client_credential", "appid": ts.appID, "secret": ts.appSecret, "force_refresh": false}
		if err := post(ctx, ts.api, "/cgi-bin/stable_token", nil, command, &answer); err != nil {
			return "", err
		}
		if answer.Token == "" {
			return "", fmt.Errorf("WeChat gives no access token: errcode %d", answer.Code)
		}
		t = token{answer.Token, time.Now().Add(time.Duration(min(answer.For*0.9, time.Hour.Seconds()) * float64(time.Second)))}
		return t.text, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// drop forgets a credential that WeChat does not take any more.
func (ts *tokens) drop(text string) {
	t := <-ts.newest
	if t.text == text {
		t = token{}
	}
	ts.newest <- t
}
