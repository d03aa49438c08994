package identity

import (
	"context"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Issuer gives tokens to the backend of a site, for its users, and accepts them. Its methods
// may be called concurrently.
type Issuer struct{ signer Signer }

// maxIssuedLife is how long a token that an Issuer gives is valid at most.
const maxIssuedLife = 30 * 24 * time.Hour

// NewIssuer returns an Issuer whose keys are stored in secrets under the name "users-" and
// that of the hub: a token is good in that hub only.
func NewIssuer(secrets Secrets, hub string) *Issuer {
	return &Issuer{Signer{Secrets: secrets, Name: "users-" + hub, Type: issuedType, Life: maxIssuedLife}}
}

// Issue returns a token for a user that is valid for life, at most 30 days, and when it
// expires. The ids of guests are their own, and others belong to the server: these get none.
func (i *Issuer) Issue(ctx context.Context, user string, life time.Duration) (token string, expires time.Time, err error) {
	if strings.HasPrefix(user, access.GuestPrefix) || access.IsReservedUser(user) {
		e := wire.Forbidden.Error("")
		e.Field, e.Message = "id", "no token is given for ids that begin with guest-, bot- or hub-"
		return "", time.Time{}, e
	}
	return i.signer.SignFor(ctx, user, life)
}

// Authenticate implements access.Authenticator. It returns access.ErrNoCredential for the
// tokens of others.
func (i *Issuer) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	if typeOf(c.Token) != issuedType {
		return nil, access.ErrNoCredential
	}
	return i.signer.identify(ctx, c.Token)
}
