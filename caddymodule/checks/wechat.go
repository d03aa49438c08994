package checks

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/secrets"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wechat"
)

func init() { caddy.RegisterModule(new(WeChat)) }

// WeChat asks WeChat about what users of a mini program say, and about names, titles and what
// conversations are about. It is asked as the user, by the openid that `auth wechat` keeps.
type WeChat struct {
	// The mini program's AppID and AppSecret. Required. May be placeholders like
	// `{env.WECHAT_SECRET}`.
	AppID     string `json:"app_id,omitempty"`
	AppSecret string `json:"app_secret,omitempty"`

	// The address of WeChat's server API. Default: `https://api.weixin.qq.com`.
	API string `json:"api,omitempty"`

	// What becomes of what WeChat wants somebody to look at: `review`, it is shown, with an
	// event; `pass`; or `refuse`. Default: `review`.
	Review string `json:"review,omitempty"`

	// What becomes of what users say whom WeChat does not judge, since they have not logged
	// in by it or were not active there for two hours, if no check follows: `refuse` or
	// `pass`. Default: `refuse`.
	Others string `json:"others,omitempty"`

	Options

	*wechat.Checker `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*WeChat) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.checks.wechat", New: func() caddy.Module { return new(WeChat) }}
}

// Provision implements caddy.Provisioner.
func (w *WeChat) Provision(ctx caddy.Context) (err error) {
	opt := wechat.Options{Openids: &identity.Openids{Secrets: secrets.Stored{Storage: ctx.Storage(), Log: ctx.Logger()}}}
	for _, text := range []struct {
		name, from string
		to         *string
	}{{"app_id", w.AppID, &opt.AppID}, {"app_secret", w.AppSecret, &opt.AppSecret}, {"api", w.API, &opt.API}} {
		if *text.to, err = values.Replaced(text.from); err != nil {
			return fmt.Errorf("wechat: %s: %w", text.name, err)
		}
	}
	known := WeChat{AppID: opt.AppID, AppSecret: opt.AppSecret, API: opt.API, Review: w.Review, Others: w.Others}
	if err := cmp.Or(known.complete(), known.problem()); err != nil {
		return err
	}
	kinds := map[string]check.Kind{"": check.Review, "review": check.Review, "pass": check.Pass, "refuse": check.Refuse}
	opt.Review, opt.Others = kinds[w.Review], check.Refuse
	if w.Others == "pass" {
		opt.Others = check.Pass
	}
	w.Checker = wechat.New(opt)
	return nil
}

// RefuseAllButWeChat reports whether the checks of a hub refuse all that users say who have not logged
// in by WeChat, wherever they say it: the last one is WeChat's, and others are refused.
func RefuseAllButWeChat(list []json.RawMessage) bool {
	if len(list) == 0 {
		return false
	}
	var last struct {
		Check, Others string
		Rooms         []string
	}
	err := json.Unmarshal(list[len(list)-1], &last)
	return err == nil && last.Check == "wechat" && last.Others != "pass" && len(last.Rooms) == 0
}

// problem returns what is wrong as far as that can be seen before placeholders are replaced.
func (w *WeChat) problem() error {
	known := identity.WeChatOptions{AppID: "x", AppSecret: "x"}
	if w.AppID != "" && !strings.Contains(w.AppID, "{") {
		known.AppID = w.AppID
	}
	if !strings.Contains(w.API, "{") {
		known.API = w.API
	}
	if _, err := identity.NewWeChat(known); err != nil { // it knows what they look like
		return err
	}
	switch w.Review {
	case "", "review", "pass", "refuse":
	default:
		return fmt.Errorf("review is review, pass or refuse, not %q", w.Review)
	}
	switch w.Others {
	case "", "pass", "refuse":
		return nil
	}
	return fmt.Errorf("others is refuse or pass, not %q", w.Others)
}

// UnmarshalCaddyfile reads the check. Syntax:
//
//	wechat {
//	    app_id     <text>
//	    app_secret <text>
//	    api        <url>
//	    review     review|pass|refuse
//	    others     refuse|pass
//	    # and those of Options
//	}
func (w *WeChat) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	err := w.Read(d, "check wechat", w.problem, map[string]func() error{
		"app_id":     func() error { return values.String(d, &w.AppID) },
		"app_secret": func() error { return values.String(d, &w.AppSecret) },
		"api":        func() error { return values.String(d, &w.API) },
		"review":     func() error { return values.String(d, &w.Review) },
		"others":     func() error { return values.String(d, &w.Others) },
	})
	return values.Checked(d, err, w.complete)
}

// complete returns what is missing, or nil.
func (w *WeChat) complete() error {
	if w.AppID == "" || w.AppSecret == "" {
		return errors.New("check wechat needs the app_id and the app_secret of the mini program")
	}
	return nil
}

var (
	_ Module                = (*WeChat)(nil)
	_ check.Recorder        = (*WeChat)(nil)
	_ caddy.Provisioner     = (*WeChat)(nil)
	_ caddyfile.Unmarshaler = (*WeChat)(nil)
)
