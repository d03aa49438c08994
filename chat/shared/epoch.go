package shared

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// moveTime is how long a node that begins waits for one that ran before to say that a store which has
// moved has lost nothing.
const moveTime = 5 * time.Second

// begin returns where a store stands that this node knows nothing of.
func begin(ctx context.Context, engine Engine) (Marks, error) {
	for began := time.Now(); ; {
		m, err := engine.Marks(ctx, Standing{})
		if err != nil || !m.Moved {
			return m, err
		}
		if m.Lossless && time.Since(began) < moveTime {
			select {
			case <-time.After(moveTime / 20):
			case <-ctx.Done():
				return m, ctx.Err()
			}
			continue
		}
		if err := engine.Continue(ctx, m.Epoch, false, Standing{}); err != nil {
			return m, err
		}
	}
}

// standing is what this node has seen, and the epoch that it knows.
func (j *Journal) standing() (epoch string, seen Standing) {
	seen.Revision, _ = j.records.standing()
	for _, p := range j.parts {
		at, row := "", Seen{}
		at, seen.Turn, row = p.stream.standing()
		if epoch == "" {
			epoch = at
		}
		seen.Parts = append(seen.Parts, row)
	}
	return epoch, seen
}

// compare asks whether the store is the one that this node knows, and returns its marks. If it is not, all
// who follow something are told, and the node begins anew with what is there.
func (j *Journal) compare(ctx context.Context) (Marks, error) {
	ctx, cancel := context.WithTimeout(ctx, epochTime)
	defer cancel()
	select {
	case j.comparing <- struct{}{}:
		defer func() { <-j.comparing }()
	case <-ctx.Done():
		return Marks{}, ctx.Err()
	}
	for {
		was, seen := j.standing()
		m, err := j.engine.Marks(ctx, seen)
		if err != nil {
			return m, err
		}
		j.tells(m)
		if m.Moved || m.Turn < seen.Turn || m.Epoch == was && m.Lacks {
			if err := j.engine.Continue(ctx, m.Epoch, m.Epoch == was, seen); err != nil {
				return m, err
			}
			continue // another node may have been quicker
		}
		if m.Epoch != was {
			j.log.Warn("chat journal: the store was rolled back or has moved: everybody reads again", zap.String("old_epoch", was), zap.String("epoch", m.Epoch))
			j.beginAgain(m)
		}
		return m, nil
	}
}

// beginAgain ends all followings, because the numbers that were shown mean nothing any more.
func (j *Journal) beginAgain(m Marks) {
	for _, p := range j.parts {
		if rows := p.stream.beginAgain(m); rows > 0 {
			j.mu.Lock()
			j.figures.Lost += rows
			j.mu.Unlock()
		}
	}
	j.records.beginAgain(m.Revision)
}
