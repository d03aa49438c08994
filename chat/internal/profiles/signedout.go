package profiles

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

func signedOutKey(user string) string {
	sum := sha256.Sum256([]byte(user))
	return "signedout\x00" + hex.EncodeToString(sum[:16])
}

// SignOut notes that tokens which this server has given a user up to a time are no longer
// good. It returns in a later millisecond, so that those which are given next have a later one.
func (p Profiles) SignOut(ctx context.Context, user string, at time.Time) error {
	defer func() { time.Sleep(time.Until(at.Truncate(time.Millisecond).Add(time.Millisecond))) }()
	return p.Records.Update(ctx, signedOutKey(user), func(old []byte) ([]byte, error) {
		if millisIn(old) > at.UnixMilli() {
			return old, nil
		}
		return textOf(at), nil
	})
}

// SignedOut returns the time up to which tokens of a user are no longer good, or zero.
func (p Profiles) SignedOut(ctx context.Context, user string) (time.Time, error) {
	r, err := p.Records.Get(ctx, signedOutKey(user))
	if err != nil || r.Value == nil {
		return time.Time{}, err
	}
	return time.UnixMilli(millisIn(r.Value)), nil
}
