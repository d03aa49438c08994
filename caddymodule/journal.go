package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/caddymodule/journals"
)

// locate asks where the journal of the hub of that name is. Two hubs can't be at one place.
func (s *hubSettings) locate(hub string) (place string, err error) {
	s.location, err = s.engine.Location(hub)
	place = s.engine.(caddy.Module).CaddyModule().ID.Name() + ":" + s.location
	s.journalPlace = place
	if e, ok := s.engine.(journals.Fixed); ok {
		s.journalPlace += " with " + e.Fixed()
	}
	return place, err
}
