package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Identity is who somebody is, and what their credential says about them. It is
// shared by many goroutines and must not be changed. A session keeps its identity
// for life, except that a fresh token of the same user extends Expires and
// replaces Grants and Claims.
type Identity struct {
	// User is shown to others. ID is never empty, has at most 128 bytes and means
	// the same person everywhere. Name and Avatar are as CleanUser returns them. The ID of
	// a guest begins with GuestPrefix, by which lists know guests.
	User journal.User

	// Settled says that the credential vouches for User.Name and User.Avatar.
	// Without it, the name and avatar in the client's hello are used.
	Settled bool

	// Expires is when the credential ends. Zero: never.
	Expires time.Time

	// Issued is when this server has given the token; zero for the credentials of others.
	// Such a token is refused once its user was signed out.
	Issued time.Time

	// Token lets a guest come back as the same user. It is empty for others.
	Token string

	// Grants are the room patterns that the credential itself lists. nil: the
	// credential says nothing about rooms.
	Grants *Grants

	// Claims are the credential's other claims. Policies can refer to them.
	Claims map[string][]string
}

// Grants lists, as room patterns, what a credential permits. It permits this in
// addition to the site's policies.
type Grants struct {
	Read, Write, Moderate []string
}

// Credential is what a client shows to prove who it is.
type Credential struct {
	// Token is the token of hello; or else of the header Authorization: Bearer;
	// or else of the query parameter "token". Empty: there is none.
	Token string

	// Request is the handshake, or the request to one of the HTTP endpoints. It
	// is nil for a token in a hello. It may be used during the call only.
	Request *http.Request
}

// Authenticator finds out who shows a credential. Implementations must be safe
// for concurrent use.
type Authenticator interface {
	// Authenticate returns ErrNoCredential if c has nothing that this
	// authenticator knows; then the next one is asked. If c has something and the
	// client is refused, it returns a *wire.Error with code bad_token, expired or
	// unavailable. It may wait for the network until ctx ends.
	Authenticate(ctx context.Context, c Credential) (*Identity, error)
}

// ErrNoCredential is returned by an Authenticator if a credential has nothing
// that it knows.
var ErrNoCredential = errors.New("no credential of this kind")

// HandshakeToken returns the token in the header or the query of a request. If the query has
// an empty one, it returns a text that no Authenticator accepts, as BearerToken does.
func HandshakeToken(r *http.Request) string {
	if token := BearerToken(r); token != "" {
		return token
	}
	q := r.URL.Query()
	if q.Has("token") && q.Get("token") == "" {
		return wire.EmptyToken
	}
	return q.Get("token")
}

// BearerToken returns the token in the header of a request (RFC 6750, 2.1). If the header
// is of this scheme and has no token, or there are several headers, it returns what stands
// there, which no Authenticator accepts: such a client has tried to show a token, and must
// not count as one that has none.
func BearerToken(r *http.Request) string {
	values := r.Header.Values("Authorization")
	all := strings.TrimSpace(strings.Join(values, ", "))
	scheme, token, _ := strings.Cut(strings.ReplaceAll(all, "\t", " "), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" && len(values) == 1 {
		return token
	}
	const bearer = wire.EmptyToken
	if len(values) > 1 || len(scheme) >= len(bearer) && strings.EqualFold(scheme[:len(bearer)], bearer) {
		return all
	}
	return ""
}
