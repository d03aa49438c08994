package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Options configure a Checker.
type Options struct {
	AppID, AppSecret string
	API              string            // default https://api.weixin.qq.com
	Openids          *identity.Openids // of those who log in
	Review           check.Kind        // what becomes of what WeChat wants somebody to look at
	Others           check.Kind        // and of what users say whom WeChat does not judge, if no other check does
}

// Checker asks WeChat's msg_sec_check, version 2, about texts: of messages, and of names,
// titles and what conversations are about. It is asked as the user, so users that have not
// logged in by WeChat, or were not active there for two hours, are left to other checks. Its
// methods may be called concurrently.
type Checker struct {
	opt     Options                         // fixed
	records atomic.Pointer[journal.Records] // of the hub
	tokens  *tokens                         // fixed
	calls   calls
}

// New returns a Checker.
func New(opt Options) *Checker {
	if opt.API == "" {
		opt.API = "https://api.weixin.qq.com"
	}
	return &Checker{opt: opt, tokens: newTokens(opt.API, opt.AppID, opt.AppSecret)}
}

// Use implements check.Recorder.
func (c *Checker) Use(r journal.Records) { c.records.Store(&r) }

// Check implements check.Checker.
func (c *Checker) Check(ctx context.Context, q *check.Question) (check.Verdict, error) {
	pieces, ok := piecesOf(textOf(q))
	switch {
	case !ok:
		return check.Verdict{Kind: check.Refuse, Message: "the text is too long"}, nil
	case len(pieces) == 0:
		return check.Verdict{Kind: check.Pass}, nil
	}
	records := c.records.Load()
	if records == nil {
		return check.Verdict{}, errors.New("it has no hub")
	}
	is, err := c.opt.Openids.Of(ctx, *records, q.From.ID)
	if err != nil {
		return check.Verdict{}, err
	}
	if is.App != c.opt.AppID {
		return check.Verdict{Kind: check.Abstain, Otherwise: c.opt.Others}, nil
	}
	scene := 2
	if q.About != check.Send && q.About != check.Edit {
		scene = 1
	}
	verdict := check.Verdict{Kind: check.Pass}
	for _, piece := range pieces {
		kind, err := c.judge(ctx, *records, is.OpenID, scene, piece)
		switch {
		case err != nil:
			return check.Verdict{}, err
		case kind == check.Refuse:
			return check.Verdict{Kind: check.Refuse}, nil
		case kind == check.Abstain:
			return check.Verdict{Kind: check.Abstain, Otherwise: c.opt.Others}, nil
		case kind == check.Review:
			verdict.Kind = c.opt.Review
		}
	}
	return verdict, nil
}

// lineEnds replaces the two characters that encoding/json writes as \u escapes, which WeChat
// does not take.
var lineEnds = strings.NewReplacer("\u2028", "\n", "\u2029", "\n")

// judge asks about one piece: Pass, Refuse, Review or Abstain.
func (c *Checker) judge(ctx context.Context, records journal.Records, openid string, scene int, text string) (check.Kind, error) {
	for again := false; ; again = true {
		if err := c.calls.take(ctx, records, c.opt.AppID); err != nil {
			return 0, err
		}
		credential, err := c.tokens.get(ctx)
		if err != nil {
			return 0, err
		}
		var answer struct {
			Code   int `json:"errcode"`
			Result struct {
				Suggest string `json:"suggest"`
			} `json:"result"`
		}
		command := map[string]any{"version": 2, "openid": openid, "scene": scene, "content": lineEnds.Replace(text)}
		if err := post(ctx, c.opt.API, "/wxa/msg_sec_check", url.Values{"access_token": {credential}}, command, &answer); err != nil {
			return 0, err
		}
		switch answer.Code {
		case 40001, 40014, 42001:
			c.tokens.drop(credential)
			if !again {
				continue
			}
		case 0:
			kinds := map[string]check.Kind{"pass": check.Pass, "review": check.Review, "risky": check.Refuse}
			if kind, ok := kinds[answer.Result.Suggest]; ok {
				return kind, nil
			}
			return 0, errors.New("WeChat's answer has no verdict")
		case 61010, 43104: // not active for two hours; not a user of this mini program
			return check.Abstain, nil
		case 44991:
			c.calls.restUntil(nextMinute(time.Now()), errMinute)
			return 0, errMinute
		case 45009:
			c.calls.restToday(ctx, records, c.opt.AppID)
			return 0, errDay
		}
		return 0, fmt.Errorf("WeChat gives no verdict: errcode %d", answer.Code)
	}
}
