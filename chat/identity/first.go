package identity

import (
	"context"
	"errors"

	"github.com/caddychat/caddy-chat/chat/access"
)

// First is a list of authenticators. The first one that does not return
// access.ErrNoCredential decides; the others are not called. The list must not
// change while it is used; then Authenticate may be called concurrently.
type First []access.Authenticator

// Authenticate implements access.Authenticator. If every authenticator returns
// access.ErrNoCredential, it refuses the credential with a [*wire.Error] with code
// bad_token. It never returns access.ErrNoCredential.
func (list First) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	for _, a := range list {
		id, err := a.Authenticate(ctx, c)
		if errors.Is(err, access.ErrNoCredential) {
			continue
		}
		return id, err
	}
	if c.Token == "" {
		return nil, badToken("a token is needed")
	}
	return nil, badToken("this kind of token is not accepted here")
}
