package list

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
)

// sealRecord is the record of the key that seals moments: whoever could read one would know
// how much is said on the whole server. All hubs of a journal have the same key, and it goes
// with the journal, whose positions are of no use anywhere else.
const sealRecord = "list\x00seal"

// sealKey is the length of that key.
const sealKey = 32

// seal returns what seals moments. It is read once; the first hub that needs the key makes it.
func (r *Reader) seal(ctx context.Context) (cipher.AEAD, error) {
	if known := r.sealing.Load(); known != nil {
		return *known, nil
	}
	records := r.Journal.Records()
	record, err := records.Get(ctx, sealRecord)
	if err != nil {
		return nil, err
	}
	key, kept := record.Value, true
	if len(key) != sealKey {
		made := make([]byte, sealKey)
		rand.Read(made) // it never fails
		err = records.Update(ctx, sealRecord, func(there []byte) ([]byte, error) {
			if key = made; len(there) == sealKey { // another hub was faster
				key = bytes.Clone(there)
			}
			return key, nil
		})
		if kept = err == nil; !kept {
			key = made // a disk that is full keeps nobody from the list: all of it is read next time
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	with, err := cipher.NewGCMWithRandomNonce(block)
	if err == nil && kept {
		r.sealing.Store(&with)
	}
	return with, err
}

// sealedFor is whose moments a seal is about, and how they are written: what another version of
// this program has written is not read.
func sealedFor(user string) []byte { return []byte("2\x00" + user) }

// sealed returns a moment as one word, which only the same user can show again.
func (m *moment) sealed(with cipher.AEAD, user string) string {
	return base64.RawURLEncoding.EncodeToString(with.Seal(nil, nil, m.bytes(), sealedFor(user)))
}

// unsealed returns the moment of a word that sealed has returned for that user.
func unsealed(with cipher.AEAD, user, word string) (m moment, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(word)
	if err == nil {
		text, err = with.Open(nil, nil, text, sealedFor(user))
	}
	if err != nil {
		return m, false
	}
	return parseMoment(text), true
}
