package identity

import "github.com/golang-jwt/jwt/v5"

// An Ed25519 key signs in one way, which has two names: EdDSA (RFC 8037, section
// 3.1), and Ed25519, which replaces it (RFC 9864, section 2.2).
const (
	algEdDSA   = "EdDSA"
	algEd25519 = "Ed25519"
)

// ed25519Method is jwt.SigningMethodEdDSA by its newer name.
type ed25519Method struct{ *jwt.SigningMethodEd25519 }

// Alg implements jwt.SigningMethod.
func (ed25519Method) Alg() string { return algEd25519 }

// The parser finds methods by name in one list for the whole process, which has to
// know the newer name. A program that embeds this package and has a parser of its
// own should pass it jwt.WithValidMethods, as it should anyway. This method demands
// an ed25519.PublicKey, so no other key verifies by it.
func init() {
	if jwt.GetSigningMethod(algEd25519) == nil {
		jwt.RegisterSigningMethod(algEd25519, func() jwt.SigningMethod { return ed25519Method{jwt.SigningMethodEdDSA} })
	}
}
