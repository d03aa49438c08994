package identity

import (
	"context"
	"errors"

	"github.com/caddychat/caddy-chat/chat"
)

// First is a list of authenticators. The first one that does not return
// chat.ErrNoCredential decides; the others are not called. The list must not
// change while it is used; then Authenticate may be called concurrently.
type First []chat.Authenticator

// Authenticate implements chat.Authenticator. If every authenticator returns
// chat.ErrNoCredential, it refuses the credential with a [*wire.Error] with code
// bad_token. It never returns chat.ErrNoCredential.
func (list First) Authenticate(ctx context.Context, c chat.Credential) (*chat.Identity, error) {
	for _, a := range list {
		id, err := a.Authenticate(ctx, c)
		if !errors.Is(err, chat.ErrNoCredential) {
			return id, err
		}
	}
	if c.Token == "" {
		return nil, badToken("a token is needed")
	}
	return nil, badToken("this kind of token is not accepted here")
}
