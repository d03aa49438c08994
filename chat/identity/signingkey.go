package identity

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// signingKey is one of the keys that a [Signer] signs with. Secrets stores them
// as a JSON array, the newest first.
type signingKey struct {
	ID   string `json:"id"`
	Key  []byte `json:"key"`
	Made int64  `json:"made"` // Unix seconds
}

const keySize = 32 // bytes

func newSigningKey() signingKey {
	k := signingKey{ID: rand.Text()[:10], Key: make([]byte, keySize), Made: time.Now().Unix()}
	rand.Read(k.Key)
	return k
}

func (k signingKey) age() time.Duration { return time.Since(time.Unix(k.Made, 0)) }

// rotationDue reports whether a key newer than these should sign.
func rotationDue(keys []signingKey, rotation time.Duration) bool {
	return len(keys) == 0 || keys[0].age() >= rotation
}

// maySign reports whether the newest of these keys may still sign, due for
// rotation or not. A key signs for two rotations at most; rotate relies on that.
func maySign(keys []signingKey, rotation time.Duration) bool {
	return len(keys) > 0 && keys[0].age() < 2*rotation
}

// rotate adds a key and removes those whose last tokens have expired. The last
// token of a key is valid for life after it has been signed.
func rotate(keys []signingKey, rotation, life time.Duration) []signingKey {
	keys = slices.Insert(keys, 0, newSigningKey())
	return slices.DeleteFunc(keys, func(k signingKey) bool { return k.age() >= 2*rotation+life })
}

// findKey returns the key with that id, or nil.
func findKey(keys []signingKey, id string) []byte {
	for _, k := range keys {
		if k.ID == id {
			return k.Key
		}
	}
	return nil
}

// parseSigningKeys decodes stored keys; nil means that none are stored. Damaged
// keys are an error and are not replaced: that would invalidate every token.
func parseSigningKeys(stored []byte) ([]signingKey, error) {
	if stored == nil {
		return nil, nil
	}
	var keys []signingKey
	err := wire.Unmarshal(stored, &keys)
	if err == nil && len(keys) == 0 {
		err = errors.New("there is none among them")
	}
	if err == nil && slices.ContainsFunc(keys, func(k signingKey) bool { return k.ID == "" || len(k.Key) != keySize }) {
		err = errors.New("a key has no id or the wrong size")
	}
	// Without the time, a key would be as old as 1970: nobody's token would be valid any more.
	if err == nil && slices.ContainsFunc(keys, func(k signingKey) bool { return k.Made < 1 || k.Made > maxSeconds }) {
		err = errors.New("a key does not say when it was made")
	}
	if err != nil {
		return nil, fmt.Errorf("the stored keys are damaged: %w", err)
	}
	return keys, nil
}
