package identity

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Openids keep in a hub's records by which openid WeChat knows a user, encrypted with a key
// that is stored elsewhere: whoever has only the records learns no openid. Its methods may be
// called concurrently.
type Openids struct {
	Secrets Secrets // fixed

	mu   sync.Mutex // guards seal
	seal cipher.AEAD
}

// Openid is by what WeChat knows a user.
type Openid struct {
	App     string `json:"app"` // the AppID of the mini program
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid,omitempty"`
	At      int64  `json:"at"` // when it was written, Unix milliseconds
}

// LoginKeeping is a login that keeps something of users in the records of the hub.
type LoginKeeping interface {
	// LoginKeeping is called instead of Login.
	LoginKeeping(r *http.Request, code string, records journal.Records) (*wire.Login, error)
}

func openidKey(user string) string { return "wechat\x00" + user }

// Keep writes the openid of a user, unless the same was written within a day.
func (o *Openids) Keep(ctx context.Context, records journal.Records, user string, is Openid) error {
	old, err := o.Of(ctx, records, user)
	now := time.Now()
	if err == nil && old.App == is.App && old.OpenID == is.OpenID && old.UnionID == is.UnionID && now.Sub(time.UnixMilli(old.At)) < 24*time.Hour {
		return nil
	}
	is.At = now.UnixMilli()
	text, err := json.Marshal(is)
	if err != nil {
		return err
	}
	seal, err := o.sealing(ctx)
	if err != nil {
		return err
	}
	nonce := make([]byte, seal.NonceSize())
	rand.Read(nonce)
	return records.Put(ctx, openidKey(user), seal.Seal(nonce, nonce, text, []byte(user)))
}

// Of returns the openid of a user; the zero Openid if none is kept.
func (o *Openids) Of(ctx context.Context, records journal.Records, user string) (is Openid, err error) {
	record, err := records.Get(ctx, openidKey(user))
	sealed := record.Value
	if err != nil || sealed == nil {
		return is, err
	}
	seal, err := o.sealing(ctx)
	if err != nil {
		return is, err
	}
	if len(sealed) < seal.NonceSize() {
		return is, errOpenid
	}
	text, err := seal.Open(nil, sealed[:seal.NonceSize()], sealed[seal.NonceSize():], []byte(user))
	if err != nil || json.Unmarshal(text, &is) != nil {
		return is, errOpenid
	}
	return is, nil
}

var errOpenid = errors.New("the openid that is kept of a user was written with another key, or for another user")

// ForgetOpenid deletes what is kept of a user, and returns how many records that was.
func ForgetOpenid(ctx context.Context, records journal.Records, user string) (n int, err error) {
	kept, err := records.Get(ctx, openidKey(user))
	if err == nil && kept.Value != nil {
		n = 1
	}
	return n, cmp.Or(err, records.Put(ctx, openidKey(user), nil))
}

// sealing loads the key, or makes it.
func (o *Openids) sealing(ctx context.Context) (cipher.AEAD, error) {
	o.mu.Lock()
	seal := o.seal
	o.mu.Unlock()
	if seal != nil {
		return seal, nil
	}
	key, err := o.Secrets.Update(ctx, "wechat-openids", func(old []byte) ([]byte, error) {
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
		return nil, fmt.Errorf("key of WeChat's openids, stored as \"wechat-openids\": %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if seal, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.seal = seal
	o.mu.Unlock()
	return seal, nil
}
