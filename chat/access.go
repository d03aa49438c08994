package chat

// Rights are what an identity may do in one room.
type Rights struct {
	Read, Write bool
	Moderate    bool // recall anybody's messages, mute, kick and ban
	Presence    bool // see who is there
}

// rights returns what the session's user may do in a room.
func (s *Session) rights(string) Rights {
	id := s.identity.Load()
	return Rights{Read: true, Write: true, Presence: true, Moderate: id != nil && id.Grants != nil && len(id.Grants.Moderate) > 0}
}
