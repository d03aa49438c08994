package caddymodule

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/limitedlog"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
)

func init() { caddy.RegisterModule(new(JWTAuth)) }

// JWTAuth accepts JSON Web Tokens that the site signs. A client sends its token in
// the header `Authorization: Bearer`, in its hello, or in the query parameter `token`.
//
// A token must have `sub`, the user's id, and `exp`. It may have `chat`, an object
// whose members `read`, `write` and `moderate` are lists of room patterns: they permit
// more than the policies do. It may have `name` and `avatar`, which are only shown: if
// they are unusable, the user comes in without them. Policies can refer to other claims
// that are strings, whole numbers, booleans or lists of strings, up to 50.
type JWTAuth struct {
	// Secrets for HS256, HS384 and HS512, at least 32 bytes each. May be
	// placeholders like `{env.CHAT_SECRET}`. To rotate secrets, name the old and the
	// new one until all old tokens have expired.
	Secrets []string `json:"secrets,omitempty"`

	// Public keys or certificates in PEM, for RSA, ECDSA or Ed25519. May be
	// placeholders.
	Keys []string `json:"keys,omitempty"`

	// Files with such keys.
	KeyFiles []string `json:"key_files,omitempty"`

	// The URL of a JSON Web Key Set, which may have placeholders. A token is judged by keys that are at most ten
	// minutes old: if they are older, it waits until they are fetched, and so does one that names a key that is not
	// known. While the URL fails or takes longer than 2 seconds, they are used until they are an hour old.
	KeySet string `json:"jwks,omitempty"`

	// What `iss` must be, and what `aud` must be or contain. May be placeholders.
	// Default: anything.
	Issuer   string `json:"issuer,omitempty"`
	Audience string `json:"audience,omitempty"`

	// How much the clocks of this server and the issuer may differ, at most 5m. Default: 30s.
	Leeway caddy.Duration `json:"leeway,omitempty" bounds:"1ms 5m"`

	*identity.JWT `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*JWTAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.auth.jwt", New: func() caddy.Module { return new(JWTAuth) }}
}

// Provision reads the keys.
func (a *JWTAuth) Provision(ctx caddy.Context) error {
	log := limitedlog.New(ctx.Logger())
	if err := bounds.Check(a); err != nil {
		return fmt.Errorf("jwt: %w", err)
	}
	a.JWT = &identity.JWT{
		Leeway:  time.Duration(a.Leeway),
		Refused: func(err error) { log.Debug("token refused", zap.Error(err)) },
	}
	for _, text := range []struct {
		name, from string
		to         *string
	}{{"issuer", a.Issuer, &a.JWT.Issuer}, {"audience", a.Audience, &a.JWT.Audience}} {
		var err error
		if *text.to, err = values.Replaced(text.from); err != nil {
			return fmt.Errorf("jwt: %s: %w", text.name, err)
		}
	}
	for i, text := range a.Secrets {
		secret, err := values.Replaced(text)
		if err == nil {
			err = a.addKey(identity.Secret([]byte(secret)))
		}
		if err != nil {
			return fmt.Errorf("jwt: secret %d: %w", i+1, err)
		}
	}
	for i, text := range a.Keys {
		key, err := values.Replaced(text)
		if err == nil {
			err = a.addPEM([]byte(key))
		}
		if err != nil {
			return fmt.Errorf("jwt: key %d: %w", i+1, err)
		}
	}
	for _, file := range a.KeyFiles {
		path, err := values.Replaced(file)
		if err != nil {
			return fmt.Errorf("jwt: key_file: %w", err)
		}
		key, err := os.ReadFile(path)
		if err == nil {
			err = a.addPEM(key)
		}
		if err != nil {
			return fmt.Errorf("jwt: key_file %s: %w", file, err)
		}
	}
	if a.KeySet != "" {
		address, err := values.Replaced(a.KeySet)
		if err != nil {
			return fmt.Errorf("jwt: jwks: %w", err)
		}
		a.JWT.KeySet = &identity.KeySet{
			URL:     address,
			Failed:  func(err error) { log.Warn("key set of tokens not refreshed", zap.Error(err)) },
			LeftOut: func(err error) { log.Warn("some keys of the key set cannot be used", zap.Error(err)) },
		}
	}
	return nil
}

func (a *JWTAuth) addKey(key identity.Key, err error) error {
	a.JWT.Keys = append(a.JWT.Keys, key)
	return err
}

func (a *JWTAuth) addPEM(pem []byte) error {
	keys, err := identity.PublicKeys(pem)
	a.JWT.Keys = append(a.JWT.Keys, keys...)
	return err
}

// UnmarshalCaddyfile reads the method. Syntax:
//
//	jwt {
//	    secret   <text...>
//	    key      <pem...>
//	    key_file <path...>
//	    jwks     <url>
//	    issuer   <text>
//	    audience <text>
//	    leeway   <duration>
//	}
func (a *JWTAuth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return values.Checked(d, a.parse(d), func() error {
		if len(a.Secrets)+len(a.Keys)+len(a.KeyFiles) == 0 && a.KeySet == "" {
			return errors.New("auth jwt needs a key or the URL of a key set: secret, key, key_file or jwks")
		}
		return nil
	})
}

// check returns an error for what has been read so far: keys that can't be used, as far as
// they are in the Caddyfile itself. Provision checks those of placeholders and files.
func (a *JWTAuth) check() error {
	for i, secret := range a.Secrets {
		if slices.Contains(a.Secrets[:i], secret) {
			return fmt.Errorf("auth jwt: secret %d stands there before", i+1)
		}
		if strings.Contains(secret, "{") {
			continue
		}
		if _, err := identity.Secret([]byte(secret)); err != nil {
			return fmt.Errorf("auth jwt: secret %d: %w", i+1, err)
		}
	}
	for i, key := range a.Keys {
		if strings.Contains(key, "{") {
			continue
		}
		if _, err := identity.PublicKeys([]byte(key)); err != nil {
			return fmt.Errorf("auth jwt: key %d: %w", i+1, err)
		}
	}
	if a.KeySet != "" && !strings.Contains(a.KeySet, "{") {
		if err := (&identity.JWT{KeySet: &identity.KeySet{URL: a.KeySet}}).Validate(); err != nil {
			return fmt.Errorf("auth jwt: jwks: %w", err) // the URL may have a password
		}
	}
	return bounds.Check(a)
}

func (a *JWTAuth) parse(d *caddyfile.Dispenser) error {
	return values.Block(d, "auth jwt", values.EachChecked(d, a.check, map[string]func() error{
		"secret":   func() error { return values.List(d, &a.Secrets) },
		"key":      func() error { return values.List(d, &a.Keys) },
		"key_file": func() error { return values.List(d, &a.KeyFiles) },
		"jwks":     func() error { return values.String(d, &a.KeySet) },
		"issuer":   func() error { return values.String(d, &a.Issuer) },
		"audience": func() error { return values.String(d, &a.Audience) },
		"leeway":   func() error { return values.Duration(d, a, &a.Leeway) },
	}))
}

var (
	_ access.Authenticator  = (*JWTAuth)(nil)
	_ caddy.Provisioner     = (*JWTAuth)(nil)
	_ caddyfile.Unmarshaler = (*JWTAuth)(nil)
)
