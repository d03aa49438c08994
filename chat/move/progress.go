package move

// Progress is how far an export or an import has come.
type Progress struct {
	Rooms, Entries, Records uint64
	// AllRooms and AllEntries are how many there are. There is one record or more for
	// each conversation and member; nobody knows how many before they are read.
	AllRooms, AllEntries uint64
	// Before is how many of the Entries an import had recorded when it was interrupted.
	Before uint64
}
