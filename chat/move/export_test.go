package move

import "time"

// NoteEvery changes how often an import notes how far it is.
func NoteEvery(d time.Duration) { noteEvery = d }
