package shared

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

var _ journal.Redactor = (*Journal)(nil)

// Redact implements journal.Redactor. What others change meanwhile is read again.
func (j *Journal) Redact(ctx context.Context, room string, seqs []journal.Seq, change func(*journal.Entry) bool) error {
	left := slices.Compact(slices.Sorted(slices.Values(seqs)))
	for len(left) > 0 {
		if err := j.use(ctx); err != nil {
			return err
		}
		ranges := make([]Range, len(left))
		for i, seq := range left {
			ranges[i] = Range{room, seq, seq}
		}
		entries, all, err := j.engine.Entries(ctx, ranges, bytesAtOnce)
		if err != nil {
			return j.failed(err)
		}
		var list []Redaction
		for _, e := range entries {
			e.Epoch = ""
			now := e
			if change(&now) {
				list = append(list, Redaction{Was: e, Now: now})
			}
		}
		var again []journal.Seq
		if len(list) > 0 {
			if again, err = j.engine.Redact(ctx, room, j.Part(room), list); err != nil {
				return j.failed(err)
			}
		}
		if !all {
			last := entries[len(entries)-1].Seq
			for _, seq := range left {
				if seq > last {
					again = append(again, seq)
				}
			}
		}
		left = again
	}
	return nil
}
