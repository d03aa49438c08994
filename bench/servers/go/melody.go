package main

import (
	"net/http"
	"sync"

	"github.com/olahol/melody"
)

// newMelody has one Melody for each room, as Melody's chat example has one.
func newMelody() (http.Handler, error) {
	var mu sync.Mutex
	rooms := map[string]*melody.Melody{}
	named := func(name string) *melody.Melody {
		mu.Lock()
		defer mu.Unlock()
		m := rooms[name]
		if m == nil {
			m = melody.New()
			m.Config.MaxMessageSize = maxMessage
			m.HandleMessage(func(s *melody.Session, message []byte) { m.BroadcastOthers(message, s) })
			rooms[name] = m
		}
		return m
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		named(r.FormValue("room")).HandleRequest(w, r)
	}), nil
}
