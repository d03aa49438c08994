package main

import (
	"net/http"

	"github.com/lxzan/gws"
)

// gwsServer uses the Broadcaster of gws, which encodes a message once and queues it
// for each receiver.
type gwsServer struct {
	gws.BuiltinEventHandler
	rooms rooms[*gws.Conn]
}

func (s *gwsServer) room(c *gws.Conn) *room[*gws.Conn] {
	v, _ := c.Session().Load("room")
	return v.(*room[*gws.Conn])
}

func (s *gwsServer) OnClose(c *gws.Conn, _ error) { s.room(c).leave(c) }

func (s *gwsServer) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (s *gwsServer) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	s.room(c).others(c, func(other *gws.Conn) { b.Broadcast(other) })
}

func newGWS() (http.Handler, error) {
	s := &gwsServer{}
	upgrader := gws.NewUpgrader(s, &gws.ServerOption{CheckUtf8Enabled: true, ReadMaxPayloadSize: maxMessage})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		room := s.rooms.named(r.FormValue("room"))
		conn.Session().Store("room", room)
		room.join(conn)
		go conn.ReadLoop()
	}), nil
}
