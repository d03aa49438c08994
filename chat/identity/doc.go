// Package identity authenticates clients: guests, users with a JSON Web Token of
// the site, and users of a WeChat mini program. Each way is an access.Authenticator;
// [First] combines them.
//
// The header typ of a token (RFC 7519, section 5.1) decides which authenticator
// handles it. That header is signed too, so a guest's token is never accepted as
// a user's, whoever signed it. If the authenticator refuses the token, no other
// one is asked: nobody becomes a guest because a token was invalid.
//
// # Files, lowest first
//
//	token.go         what can be read from a token before it is verified; its refusal
//	userid.go        ids of users: the reserved prefixes, the check of others' ids
//	secrets.go       Secrets: where this server's own keys are stored
//	signingkey.go    the keys of a Signer: encoding, rotation
//	signer.go        Signer: this server's own tokens
//	ed25519.go       the two names of Ed25519's algorithm
//	key.go           Key: verifies a site's tokens; parsing of PEM and JSON Web Keys
//	jwks.go          KeySet: keys from a URL, cached
//	claims.go        from the claims of a site's token to an identity
//	jwt.go           JWT, JWTs: the site's tokens
//	guest.go         Guest: clients without a token
//	openids.go       Openids: by what WeChat knows users, encrypted
//	code2session.go  the request to WeChat
//	wechat.go        WeChat: login and tokens of its users
//	issuer.go        Issuer: tokens for users, at the request of a backend
//	first.go         First: a list of authenticators
package identity
