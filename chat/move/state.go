package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// stateKey is the record of the journal that an import goes into. No export has it.
const stateKey = "import"

// state says how far an import has come: all lines up to one of them are recorded, and the
// sum there is that of the export.
type state struct {
	Epoch    string           `json:"epoch"`
	Position journal.Position `json:"position"`
	Line     uint64           `json:"line"`
	Sum      uint32           `json:"sum"`
	Done     bool             `json:"done,omitempty"`
}

func loadState(ctx context.Context, j journal.Journal) (*state, error) {
	r, err := j.Records().Get(ctx, stateKey)
	if err != nil || r.Value == nil {
		return nil, err
	}
	s := new(state)
	if err := json.Unmarshal(r.Value, s); err != nil {
		return nil, fmt.Errorf("the record %q of the journal can't be read: %w", stateKey, err)
	}
	return s, nil
}

func (s *state) save(ctx context.Context, j journal.Journal) error {
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return j.Records().Put(ctx, stateKey, value)
}

// ErrInterrupted says that a journal has a part of an export only.
var ErrInterrupted = errors.New("an import into this journal was interrupted: repeat `caddy chat import` with the same file, and it goes on where it was")

// CheckWhole returns ErrInterrupted for a journal that must not be used before its import has ended.
func CheckWhole(ctx context.Context, j journal.Journal) error {
	s, err := loadState(ctx, j)
	if err == nil && s != nil && !s.Done {
		err = ErrInterrupted
	}
	return err
}

// aloneTime is how long a node that was killed counts as alive, and a little more.
const aloneTime = 12 * time.Second

// checkAlone returns an error if another process uses the store. It waits for one that was killed just now.
func checkAlone(ctx context.Context, j journal.Journal) error {
	for began := time.Now(); ; {
		list, err := j.Nodes().List(ctx)
		if err != nil || len(list) < 2 {
			return err
		}
		if time.Since(began) > aloneTime {
			for _, n := range list {
				if n.ID != j.Nodes().Self().ID {
					return fmt.Errorf("the journal is in use by another process on the machine %q: stop Caddy on all nodes first, because what is said meanwhile would be lost", n.Name)
				}
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
