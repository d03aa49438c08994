package identity

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Guest accepts every client without a token, as a new guest, and gives it a
// token to come back with as the same guest. Its methods may be called
// concurrently.
type Guest struct{ signer Signer }

const guestLife = 90 * 24 * time.Hour

// NewGuest returns a Guest whose keys are stored in secrets under the name
// "guest". A token is valid for life, and each visit gives a new one. If life is
// 0, it is 90 days.
func NewGuest(secrets Secrets, life time.Duration) *Guest {
	if life == 0 {
		life = guestLife
	}
	return &Guest{Signer{Secrets: secrets, Name: "guest", Type: guestType, Life: life}}
}

// Start loads the keys, or generates them, as [Signer.Start] does.
func (g *Guest) Start(ctx context.Context) error { return g.signer.Start(ctx) }

// Authenticate implements access.Authenticator. It returns access.ErrNoCredential for
// the tokens of others.
func (g *Guest) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	var issued time.Time
	user := access.GuestPrefix + strings.ToLower(rand.Text())
	if c.Token != "" {
		if typeOf(c.Token) != guestType {
			return nil, access.ErrNoCredential
		}
		v, err := g.signer.Verify(ctx, c.Token)
		if err != nil {
			return nil, err
		}
		user, issued = v.User, v.Issued
	}
	token, _, err := g.signer.Sign(ctx, user)
	if err != nil {
		return nil, err
	}
	return &access.Identity{User: journal.User{ID: user, Guest: true}, Issued: issued, Token: token}, nil
}
