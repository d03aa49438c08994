package journal

// Follower is called for the entries of a room.
type Follower interface {
	// Deliver gets the next entry. It must not block.
	Deliver(e Entry)
	// Lost ends the following: nothing is delivered any more. It is called at most
	// once, and must not block.
	Lost(l Lost)
}

// Lost says why a following ended.
type Lost struct {
	// Epoch is the room's epoch from now on. If it is another one, numbers that were
	// seen mean nothing any more. It may be empty, if it is not known.
	Epoch string
	Why   error
}

// Start says where a following begins.
type Start struct {
	Epoch string
	Last  Seq // the room's newest entry when the following began

	// Stop ends the following. It may be called from anywhere but Deliver and Lost,
	// and again; it returns after the last call of these.
	Stop func()
}
