package view

// Resume is how a client came back to a room.
type Resume uint8

// The outcomes.
const (
	ResumedWhole Resume = iota // it got everything that it had missed at once
	ResumedPaged               // it must ask for more pages
	ResumedGap                 // entries are gone, or the epoch is another one
	ResumedAhead               // it has seen entries that the journal does not have: a gap, too

	Resumes = iota
)

// String returns the outcome as a word for metrics.
func (r Resume) String() string { return [Resumes]string{"whole", "paged", "gap", "ahead"}[r] }

// ResumeOf returns what a client that came back found: what it has missed is in m.
func ResumeOf(from *Position, m *Missed) Resume {
	switch {
	case m.Gap && m.Page.Epoch == from.Epoch && from.After > m.Page.Last:
		return ResumedAhead
	case m.Gap:
		return ResumedGap
	case m.More:
		return ResumedPaged
	}
	return ResumedWhole
}
