package identity

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// Guest lets everybody in who brings no token, as somebody new, and gives them
// one to come back with. Its methods may be called concurrently.
type Guest struct{ signer Signer }

const (
	guestPrefix = "guest-"
	guestLife   = 90 * 24 * time.Hour
)

// NewGuest returns a Guest whose tokens are good for life after a guest's last
// visit, 90 days where it is 0.
func NewGuest(secrets Secrets, life time.Duration) *Guest {
	if life == 0 {
		life = guestLife
	}
	return &Guest{Signer{Secrets: secrets, Name: "guest", Type: guestType, Life: life}}
}

// Start makes what Authenticate needs.
func (g *Guest) Start(ctx context.Context) error { return g.signer.Start(ctx) }

// Authenticate implements chat.Authenticator.
func (g *Guest) Authenticate(ctx context.Context, c chat.Credential) (*chat.Identity, error) {
	user := guestPrefix + strings.ToLower(rand.Text())
	if c.Token != "" {
		if typeOf(c.Token) != guestType {
			return nil, chat.ErrNoCredential
		}
		var err error
		if user, _, err = g.signer.Verify(ctx, c.Token); err != nil {
			return nil, err
		}
	}
	token, _, err := g.signer.Sign(ctx, user)
	if err != nil {
		return nil, err
	}
	return &chat.Identity{User: chat.User{ID: user, Guest: true}, Token: token}, nil
}
