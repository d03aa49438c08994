package members

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
)

// nameLength is how many characters stand for the star of a pattern: 130 bits.
const nameLength = 26

// DirectName returns the name of the conversation of two users. It is the same
// whichever of the two asks, and on whichever node.
func DirectName(pattern, user, other string) string {
	ids := []string{user, other}
	slices.Sort(ids)
	return founded(pattern, "direct", ids[0], ids[1])
}

// GroupName returns the name of the conversation that a user founds with a key: the
// same key again is the same room.
func GroupName(pattern, founder, key string) string {
	return founded(pattern, "group", founder, key)
}

// founded puts what the texts add up to in the place of the pattern's star.
func founded(pattern string, texts ...string) string {
	hash := sha256.New()
	for _, text := range texts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		hash.Write(size[:])
		hash.Write([]byte(text))
	}
	sum := base32.StdEncoding.EncodeToString(hash.Sum(nil))[:nameLength]
	return strings.Replace(pattern, "*", strings.ToLower(sum), 1)
}
