package caddymodule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/limitedlog"
	"github.com/caddychat/caddy-chat/caddymodule/internal/secrets"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() { caddy.RegisterModule(new(WeChatAuth)) }

// WeChatAuth accepts the users of a WeChat mini program. The mini program posts the
// code that wx.login returned to `login` below the chat's path, and gets a token for
// its hello. The token is signed with a key in Caddy's storage. A user's id is a
// pseudonym that does not reveal the openid.
type WeChatAuth struct {
	// The mini program's AppID and AppSecret. Required. May be placeholders like
	// `{env.WECHAT_SECRET}`.
	AppID     string `json:"app_id,omitempty"`
	AppSecret string `json:"app_secret,omitempty"`

	// The address of WeChat's server API. Default: `https://api.weixin.qq.com`.
	API string `json:"api,omitempty"`

	// How long a token is valid. Default: 7d.
	TokenLife caddy.Duration `json:"token_life,omitempty" bounds:"1m 36500d"`

	// Whether the header Referer of a login, which WeChat sets, must name this mini
	// program. Default: false.
	CheckReferer bool `json:"check_referer,omitempty"`

	*identity.WeChat `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*WeChatAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.auth.wechat", New: func() caddy.Module { return new(WeChatAuth) }}
}

// Provision implements caddy.Provisioner.
func (a *WeChatAuth) Provision(ctx caddy.Context) error {
	log := limitedlog.New(ctx.Logger())
	opt := identity.WeChatOptions{
		Life:         time.Duration(a.TokenLife),
		CheckReferer: a.CheckReferer,
		Secrets:      secrets.Stored{Storage: ctx.Storage(), Log: ctx.Logger()},
		Failed: func(err error) {
			if errors.Is(err, identity.ErrRefused) {
				log.Error("WeChat refuses every login until the settings are corrected", zap.Error(err))
				return
			}
			log.Warn("WeChat login failed", zap.Error(err))
		},
	}
	err := bounds.Check(a)
	if err != nil {
		return err
	}
	for _, text := range []struct {
		name, from string
		to         *string
	}{{"app_id", a.AppID, &opt.AppID}, {"app_secret", a.AppSecret, &opt.AppSecret}, {"api", a.API, &opt.API}} {
		if *text.to, err = values.Replaced(text.from); err != nil {
			return fmt.Errorf("wechat: %s: %w", text.name, err)
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
	return values.Checked(d, a.parse(d), func() error {
		if a.AppID == "" || a.AppSecret == "" {
			return errors.New("auth wechat needs the app_id and the app_secret of the mini program")
		}
		return nil
	})
}

// check returns an error for what has been read so far. Provision checks what
// placeholders stand for.
func (a *WeChatAuth) check() error {
	opt := identity.WeChatOptions{AppID: "x", AppSecret: "x"}
	if a.AppID != "" && !strings.Contains(a.AppID, "{") {
		opt.AppID = a.AppID
	}
	if !strings.Contains(a.API, "{") {
		opt.API = a.API
	}
	if _, err := identity.NewWeChat(opt); err != nil {
		return err
	}
	return bounds.Check(a)
}

func (a *WeChatAuth) parse(d *caddyfile.Dispenser) error {
	return values.Block(d, "auth wechat", values.EachChecked(d, a.check, map[string]func() error{
		"app_id":        func() error { return values.String(d, &a.AppID) },
		"app_secret":    func() error { return values.String(d, &a.AppSecret) },
		"api":           func() error { return values.String(d, &a.API) },
		"token_life":    func() error { return values.Duration(d, a, &a.TokenLife) },
		"check_referer": func() error { return values.Switch(d, &a.CheckReferer) },
	}))
}

var (
	_ access.Authenticator  = (*WeChatAuth)(nil)
	_ chat.Login            = (*WeChatAuth)(nil)
	_ caddy.Provisioner     = (*WeChatAuth)(nil)
	_ caddyfile.Unmarshaler = (*WeChatAuth)(nil)
)
