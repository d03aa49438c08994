package journal

import "context"

// Feeder shows the entries of all rooms in one order, so that somebody can hear of
// everything without knowing the rooms. The feed has parts; all entries of a room are
// in one part. Within a part, positions rise in the order of commits, so entries of
// one room are in their order. A journal keeps the feed for 72 hours, or for less if
// that would be too much.
type Feeder interface {
	// Parts is how many parts the feed has. It never changes.
	Parts() int

	// Part is the part that a room's entries are in, from 0.
	Part(room string) int

	// Positions returns the newest visible position of each part, and last the newest
	// position of Records.Update. No entry will appear at or below it.
	Positions(ctx context.Context) ([]Position, error)

	// Feed returns a page of the recorded entries of a part.
	Feed(ctx context.Context, q FeedQuery) (FeedPage, error)

	// FollowFeed calls deliver for every entry that is recorded in a part from now
	// on, with the promises of Follow. wants says whether a room is of interest; the
	// entries of other rooms may be skipped unread. It must not block. Whoever begins
	// to want a room reads its Heads then. What came before is read by Feed; entries
	// that were read already are known by their Position. lost is as in Follower.
	FollowFeed(part int, wants func(room string) bool, deliver func(Entry), lost func(Lost)) (stop func(), err error)
}

// FeedQuery asks for entries of a part behind the position After, at most Limit of
// them. Bytes is as in Query.
type FeedQuery struct {
	Part  int
	After Position
	Limit int
	Bytes int
}

// FeedPage is a piece of one part of the feed.
type FeedPage struct {
	// Epoch is that of the store: a position of another epoch means nothing here.
	Epoch string

	// First is the newest position that the feed has forgotten: everything behind it
	// is there. If FeedQuery.After is below First, entries were lost to the reader.
	First Position

	// Last is the newest visible position of the part.
	Last Position

	// Next is where to go on: FeedQuery.After of the next call. It is Last if there is
	// no more for now.
	Next Position

	// Entries are in the order of their positions, with their Epoch. Bodies are as
	// they are now: a message that was recalled has none.
	Entries []Entry

	// Missing are entries between After and Next that are no longer kept.
	Missing []Missing
}

// Missing are entries of a room that were removed before they were read.
type Missing struct {
	Room     string
	From, To Seq
}
