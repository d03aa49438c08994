package caddymodule

import (
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() { caddy.RegisterModule(new(WeChatAuth)) }

// WeChatAuth lets the users of a WeChat mini program in. The mini program posts
// the code that wx.login gave it to `login` under the chat's path, and gets a
// token for its hello. The token is signed with a key kept in Caddy's storage; a
// user's id is a pseudonym that does not tell the openid.
type WeChatAuth struct {
	// The mini program's AppID and AppSecret. Required. May be placeholders like
	// `{env.WECHAT_SECRET}`.
	AppID     string `json:"app_id,omitempty"`
	AppSecret string `json:"app_secret,omitempty"`

	// Where WeChat is asked. Default: `https://api.weixin.qq.com`.
	API string `json:"api,omitempty"`

	// How long a token is good. Default: 7d.
	TokenLife caddy.Duration `json:"token_life,omitempty"`

	// Whether logins must come from this very mini program, by the header Referer
	// that WeChat sends. Default: false.
	CheckReferer bool `json:"check_referer,omitempty"`

	*identity.WeChat `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*WeChatAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.auth.wechat", New: func() caddy.Module { return new(WeChatAuth) }}
}

// Provision implements caddy.Provisioner.
func (a *WeChatAuth) Provision(ctx caddy.Context) error {
	log, repl := boundedLog(ctx.Logger()), caddy.NewReplacer()
	opt := identity.WeChatOptions{
		Life:         time.Duration(a.TokenLife),
		CheckReferer: a.CheckReferer,
		Secrets:      storedSecrets{ctx.Storage()},
		Failed: func(err error) {
			if errors.Is(err, identity.ErrRefused) {
				log.Error("no login by WeChat until its settings are right", zap.Error(err))
				return
			}
			log.Warn("login by WeChat failed", zap.Error(err))
		},
	}
	var err error
	for _, text := range []struct {
		from string
		to   *string
	}{{a.AppID, &opt.AppID}, {a.AppSecret, &opt.AppSecret}, {a.API, &opt.API}} {
		if *text.to, err = repl.ReplaceOrErr(text.from, true, true); err != nil {
			return err
		}
	}
	a.WeChat, err = identity.NewWeChat(opt)
	return err
}

// UnmarshalCaddyfile reads the method. Syntax:
//
//	wechat {
//	    app_id        <text>
//	    app_secret    <text>
//	    api           <url>
//	    token_life    <duration>
//	    check_referer on|off
//	}
func (a *WeChatAuth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return parseBlock(d, "auth wechat", map[string]func() error{
		"app_id":        func() error { return parseString(d, &a.AppID) },
		"app_secret":    func() error { return parseString(d, &a.AppSecret) },
		"api":           func() error { return parseString(d, &a.API) },
		"token_life":    func() error { return parseDuration(d, &a.TokenLife) },
		"check_referer": func() error { return parseSwitch(d, &a.CheckReferer) },
	})
}

var (
	_ chat.Authenticator    = (*WeChatAuth)(nil)
	_ chat.Login            = (*WeChatAuth)(nil)
	_ caddy.Provisioner     = (*WeChatAuth)(nil)
	_ caddyfile.Unmarshaler = (*WeChatAuth)(nil)
	_ starter               = (*WeChatAuth)(nil)
)
