package chat

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Identity is who speaks in a session and what its credential says of them. It
// is fixed for the session's life, but for Expires, which a fresh token of the
// same user extends. It is shared and must not be changed.
type Identity struct {
	// User is who is shown to others. ID is never empty, has at most 128 bytes
	// and means the same person wherever it comes up.
	User User

	// Settled says that User.Name and User.Avatar are vouched for. Otherwise
	// those that the client names in hello count.
	Settled bool

	// Expires is when the credential ends. Zero: never.
	Expires time.Time

	// Token lets a guest come back as the same user. Empty for others.
	Token string

	// Grants are the room patterns that the credential itself lists; nil where
	// it says nothing about rooms.
	Grants *Grants

	// Claims are the credential's further claims, for policies to refer to.
	Claims map[string][]string
}

// Grants lists, as room patterns, what a credential permits. They add to what
// the site's policies permit.
type Grants struct {
	Read, Write, Moderate []string
}

// Credential is what a client shows of itself.
type Credential struct {
	// Token is that of hello, else of the header Authorization: Bearer, else of
	// the query parameter "token". Empty: none.
	Token string

	// Request is the handshake, or the request to one of the HTTP endpoints. It
	// is only lent for the call.
	Request *http.Request
}

// Authenticator finds out who shows a credential. Implementations must be safe
// for concurrent use.
type Authenticator interface {
	// Authenticate returns ErrNoCredential where c has nothing that this
	// authenticator deals in, so that the next one is asked; a [*wire.Error]
	// with code bad_token, expired or unavailable where it has and the client
	// is refused. It may wait for the network, as long as ctx allows.
	Authenticate(ctx context.Context, c Credential) (*Identity, error)
}

// ErrNoCredential is returned by an Authenticator that a credential does not
// concern.
var ErrNoCredential = errors.New("no credential of this kind")

// handshakeToken returns the token that a request brings in its header or query.
func handshakeToken(r *http.Request) string {
	if token := bearer(r); token != "" {
		return token
	}
	return r.URL.Query().Get("token")
}

// bearer returns the token that a request brings in its header.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (h *Handler) auth() Authenticator {
	if h.Auth != nil {
		return h.Auth
	}
	return strangers{}
}

// strangers is the Authenticator of a Handler that has none: everybody is a
// guest who can't come back.
type strangers struct{}

func (strangers) Authenticate(_ context.Context, c Credential) (*Identity, error) {
	if c.Token != "" {
		return nil, wire.BadToken.Error("")
	}
	return &Identity{User: User{ID: "guest-" + newID(), Guest: true}}, nil
}
