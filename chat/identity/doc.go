// Package identity finds out who clients are: guests, users with a token of the
// site's own (JWT), and users of a WeChat mini program. Each way is a
// chat.Authenticator.
//
// A credential is dealt with by the first way that it concerns; one that this
// refuses is not offered to the next, so that nobody becomes a guest by a token
// that has failed. Which way a token concerns is told by the type in its header
// (RFC 7515, section 4.1.9), which is part of what is signed: a guest's token is
// never taken for a user's, whoever signed it.
package identity
