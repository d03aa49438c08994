package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// First asks authenticators one after the other: the first that a credential
// concerns decides.
type First []chat.Authenticator

// Authenticate implements chat.Authenticator. A credential that concerns none of
// them is refused.
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
	return nil, badToken("the token is of no kind that is accepted here")
}

// CheckUser returns why a text can't be the id of a user who comes from
// elsewhere, or nil. The ids that this package gives out itself are among those:
// they are known to others, and would be anybody's who may choose a name there.
func CheckUser(id string) error {
	switch {
	case id == "":
		return badToken("the user has no id")
	case len(id) > wire.MaxUser, !utf8.ValidString(id), strings.ContainsFunc(id, unicode.IsControl):
		return badToken(fmt.Sprintf("the user's id is not a text of at most %d bytes", wire.MaxUser))
	case strings.HasPrefix(id, guestPrefix), strings.HasPrefix(id, wechatPrefix):
		return badToken("the user's id begins as only this server's own do")
	}
	return nil
}
