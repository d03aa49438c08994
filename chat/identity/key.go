package identity

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Key verifies the signatures of tokens. The key alone decides which algorithms
// it supports, whatever a token says (RFC 8725, section 3.1). A Key is immutable.
type Key struct {
	id   string // the kid of its tokens; empty: any
	key  any    // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	algs []string
}

const (
	minSecret = 32   // bytes, RFC 7518, section 3.2
	minRSA    = 2048 // bits, RFC 7518, section 3.3
	maxRSA    = 16384
	maxKeys   = 100 // in a published set: a token without kid is verified with each
)

// Secret returns a key for HS256, HS384 and HS512. It is an error if the secret
// has fewer than 32 bytes (RFC 7518, section 3.2).
func Secret(secret []byte) (Key, error) {
	if len(secret) < minSecret {
		return Key{}, fmt.Errorf("a secret of %d bytes can be guessed; it needs at least %d", len(secret), minSecret)
	}
	return Key{key: slices.Clone(secret), algs: []string{"HS256", "HS384", "HS512"}}, nil
}

// PublicKeys parses public keys: PEM blocks (PUBLIC KEY, RSA PUBLIC KEY or
// CERTIFICATE), a JSON Web Key, or a JSON Web Key Set (RFC 7517). It returns at
// least one key. Every key must be RSA of 2048 to 16384 bits, ECDSA on P-256,
// P-384 or P-521, or Ed25519; any other is an error, and so is a private key.
func PublicKeys(text []byte) ([]Key, error) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return parseWebKeys(text)
	}
	var keys []Key
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		public, err := publicKey(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %q: %w", block.Type, err)
		}
		key, err := newKey(public)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block in it")
	}
	return keys, nil
}

func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	text := pem.EncodeToMemory(block)
	switch block.Type {
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
	default:
		return nil, errors.New("is neither a public key nor a certificate")
	}
	if key, err := jwt.ParseRSAPublicKeyFromPEM(text); err == nil {
		return key, nil
	}
	if key, err := jwt.ParseECPublicKeyFromPEM(text); err == nil {
		return key, nil
	}
	key, err := jwt.ParseEdPublicKeyFromPEM(text)
	if err != nil {
		return nil, errors.New("is not an RSA, ECDSA or Ed25519 key")
	}
	return key, nil
}

// newKey returns the Key for a public key, with all algorithms that it supports.
func newKey(public any) (Key, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return Key{}, fmt.Errorf("an RSA key of %d bits can be broken; it needs at least %d", k.N.BitLen(), minRSA)
		}
		if k.N.BitLen() > maxRSA {
			return Key{}, fmt.Errorf("an RSA key of %d bits takes too long to use; it may have at most %d", k.N.BitLen(), maxRSA)
		}
		return Key{key: k, algs: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}}, nil
	case *ecdsa.PublicKey:
		alg, ok := map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
		if ok && k.Curve.Params().Name == fmt.Sprintf("P-%d", k.Curve.Params().BitSize) {
			return Key{key: k, algs: []string{alg}}, nil
		}
	case ed25519.PublicKey:
		return Key{key: k, algs: []string{algEdDSA, algEd25519}}, nil
	}
	return Key{}, errors.New("a key of this type cannot verify tokens")
}

// parseWebKeys parses a JSON Web Key or a set of them. It fails if one of them is
// not usable.
func parseWebKeys(text []byte) ([]Key, error) {
	var one jwkset.JWKMarshal
	var set jwkset.JWKSMarshal
	if err := cmp.Or(wire.UnmarshalOpen(text, &one), wire.UnmarshalOpen(text, &set)); err != nil {
		return nil, fmt.Errorf("is neither PEM nor a JSON Web Key: %w", err)
	}
	if one.KTY != "" {
		set.Keys = append(set.Keys, one)
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("there is no JSON Web Key in it")
	}
	keys := make([]Key, len(set.Keys))
	for i, m := range set.Keys {
		var err error
		if keys[i], err = webKey(m); err != nil {
			return nil, fmt.Errorf("JSON Web Key %d: %w", i+1, err)
		}
	}
	return keys, nil
}

// errOtherUse is the error for a key that says that it is not for signatures.
var errOtherUse = errors.New("is not for signatures")

// parseKeySet parses a published JSON Web Key Set. It leaves out keys that are not
// usable, as RFC 7517, section 5, recommends, and fails if none is left. left says
// which keys it left out and why, except for those that say that they are for
// another use.
func parseKeySet(text []byte) (keys []Key, left []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"` // parsed one by one: one that is malformed spoils no other
	}
	if err := wire.UnmarshalOpen(text, &set); err != nil {
		return nil, nil, fmt.Errorf("is not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("contains more than %d keys", maxKeys)
	}
	for i, raw := range set.Keys {
		var m jwkset.JWKMarshal
		err := wire.UnmarshalOpen(raw, &m)
		var key Key
		if err == nil {
			key, err = webKey(m)
		}
		switch {
		case err == nil:
			keys = append(keys, key)
		case !errors.Is(err, errOtherUse):
			left = append(left, fmt.Errorf("key %d, kid %.64q: %w", i+1, m.KID, err))
		}
	}
	if len(keys) == 0 {
		return nil, nil, errors.Join(append([]error{errors.New("contains no usable public key")}, left...)...)
	}
	return keys, left, nil
}

// webKey parses a JSON Web Key (RFC 7517, section 4).
func webKey(m jwkset.JWKMarshal) (Key, error) {
	switch {
	case m.KTY == jwkset.KtyOct: // whoever can read the set could sign
		return Key{}, errors.New("is a secret and not a public key")
	case m.D != "":
		return Key{}, errors.New("is a private key; give the public one")
	case m.USE != "" && m.USE != jwkset.UseSig, len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify):
		return Key{}, errOtherUse // RFC 7517, sections 4.2 and 4.3
	}
	alg := m.ALG.String()
	if alg == algEd25519 { // jwkset does not know it
		m.ALG, alg = algEdDSA, algEdDSA
	}
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipX5UScheme: true})
	if err != nil {
		return Key{}, err
	}
	key, err := newKey(jwk.Key())
	if err != nil {
		return Key{}, err
	}
	key.id = m.KID
	switch {
	case alg == "":
	case !slices.Contains(key.algs, alg):
		return Key{}, errors.New("does not support its alg")
	case alg != algEdDSA: // tokens may use either name of it
		key.algs = []string{alg}
	}
	return key, nil
}

// fits reports whether this key may have signed a token with this kid, which may
// be empty, and this algorithm.
func (k *Key) fits(id, alg string) bool {
	return (k.id == "" || id == "" || k.id == id) && slices.Contains(k.algs, alg)
}

// String names the algorithms and nothing of the key itself, so that a log cannot
// contain a secret.
func (k Key) String() string { return "key for " + strings.Join(k.algs, ", ") }

// GoString does the same for %#v.
func (k Key) GoString() string { return k.String() }
