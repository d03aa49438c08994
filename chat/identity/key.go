package identity

import (
	"bytes"
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
)

// Key checks the signatures of tokens. Which algorithms it is good for follows
// from the key, and never from a token alone.
type Key struct {
	id   string // that tokens name; empty: any
	key  any    // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	algs []string
}

const (
	minSecret = 32   // bytes, RFC 7518, section 3.2
	minRSA    = 2048 // bits, RFC 7518, section 3.3
	maxRSA    = 16384
	maxKeys   = 100 // of a set: a token without kid is tried on each
)

// Secret returns the key of HS256, HS384 and HS512, which has 32 bytes at least.
func Secret(secret []byte) (Key, error) {
	if len(secret) < minSecret {
		return Key{}, fmt.Errorf("a secret of %d bytes can be guessed; it needs %d at least", len(secret), minSecret)
	}
	return Key{key: slices.Clone(secret), algs: []string{"HS256", "HS384", "HS512"}}, nil
}

// PublicKeys reads public keys of RSA, ECDSA or Ed25519: keys and certificates in
// PEM, or a JSON Web Key or set of them (RFC 7517). One that is of no use is an
// error.
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
		return nil, errors.New("is not of RSA, ECDSA or Ed25519")
	}
	return key, nil
}

// newKey tells from a public key what it is good for.
func newKey(public any) (Key, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return Key{}, fmt.Errorf("an RSA key of %d bits can be broken; it needs %d at least", k.N.BitLen(), minRSA)
		}
		if k.N.BitLen() > maxRSA {
			return Key{}, fmt.Errorf("an RSA key of %d bits takes too long to use; it has %d at most", k.N.BitLen(), maxRSA)
		}
		return Key{key: k, algs: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}}, nil
	case *ecdsa.PublicKey:
		alg, ok := map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
		if ok && k.Curve.Params().Name == fmt.Sprintf("P-%d", k.Curve.Params().BitSize) {
			return Key{key: k, algs: []string{alg}}, nil
		}
	case ed25519.PublicKey:
		return Key{key: k, algs: []string{"EdDSA"}}, nil
	}
	return Key{}, errors.New("a key is of no kind that signs tokens")
}

// parseWebKeys reads a JSON Web Key or a set of them, all of which must be good.
func parseWebKeys(text []byte) ([]Key, error) {
	var one jwkset.JWKMarshal
	var set jwkset.JWKSMarshal
	if err := errors.Join(json.Unmarshal(text, &one), json.Unmarshal(text, &set)); err != nil {
		return nil, errors.New("is neither PEM nor a JSON Web Key")
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

// parseKeySet reads a JSON Web Key Set that somebody publishes. Keys that are of
// no use are left out.
func parseKeySet(text []byte) ([]Key, error) {
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("is not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("contains more than %d keys", maxKeys)
	}
	var keys []Key
	for _, m := range set.Keys {
		if key, err := webKey(m); err == nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("contains no usable public key")
	}
	return keys, nil
}

// webKey reads a JSON Web Key.
func webKey(m jwkset.JWKMarshal) (Key, error) {
	switch {
	case m.KTY == jwkset.KtyOct: // one that is published is none
		return Key{}, errors.New("is a secret and not a public key")
	case m.D != "":
		return Key{}, errors.New("is a private key; give the public one")
	case m.USE != "" && m.USE != jwkset.UseSig:
		return Key{}, errors.New("is not for signatures")
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
	if alg := m.ALG.String(); alg != "" {
		if !slices.Contains(key.algs, alg) {
			return Key{}, errors.New("can't be used with its alg")
		}
		key.algs = []string{alg}
	}
	return key, nil
}

// fits reports whether a token that names a key and an algorithm may have been
// signed with this one.
func (k *Key) fits(id, alg string) bool {
	return (k.id == "" || id == "" || k.id == id) && slices.Contains(k.algs, alg)
}

// String says what kind of key it is, and nothing of it.
func (k Key) String() string { return "key for " + strings.Join(k.algs, ", ") }

// GoString is for %#v.
func (k Key) GoString() string { return k.String() }
