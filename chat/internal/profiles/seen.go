package profiles

import (
	"context"
	"strconv"
	"time"
)

// Came notes that a user comes.
func (p Profiles) Came(ctx context.Context, user string, at time.Time) error {
	return p.Records.Update(ctx, lastKey(user), func([]byte) ([]byte, error) { return textOf(at), nil })
}

// Left notes that a user leaves, unless the user was forgotten since they came.
func (p Profiles) Left(ctx context.Context, user string, at time.Time) error {
	return p.Records.Update(ctx, lastKey(user), func(old []byte) ([]byte, error) {
		if old == nil {
			return nil, nil
		}
		return textOf(at), nil
	})
}

// Seen returns when users came, or left, last, in the order asked: Unix milliseconds, or 0 if
// it is not known.
func (p Profiles) Seen(ctx context.Context, users []string) ([]int64, error) {
	keys := make([]string, len(users))
	for i, user := range users {
		keys[i] = lastKey(user)
	}
	records, err := p.Records.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	seen := make([]int64, len(users))
	for i := range records {
		seen[i] = millisIn(records[i].Value)
	}
	return seen, nil
}

func textOf(at time.Time) []byte { return strconv.AppendInt(nil, at.UnixMilli(), 10) }

// millisIn returns the time in a record, or 0 if there is none.
func millisIn(value []byte) int64 {
	at, _ := strconv.ParseInt(string(value), 10, 64)
	return at
}
