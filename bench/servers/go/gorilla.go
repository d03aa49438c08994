package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// This is the chat example of gorilla/websocket: one goroutine for each room, two
// for each client, one that reads and one that writes. A sender receives its own
// messages. The writer joins all queued messages with newlines into one.

const (
	writeWait  = 10 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = pongWait * 9 / 10
)

type hub struct {
	clients              map[*gorillaClient]bool
	broadcast            chan []byte
	register, unregister chan *gorillaClient
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c] = true
		case c := <-h.unregister:
			h.drop(c)
		case message := <-h.broadcast:
			for c := range h.clients {
				select {
				case c.send <- message:
				default:
					h.drop(c)
				}
			}
		}
	}
}

func (h *hub) drop(c *gorillaClient) {
	if h.clients[c] {
		delete(h.clients, c)
		close(c.send)
	}
}

type gorillaClient struct {
	hub  *hub
	conn *websocket.Conn
	send chan []byte
}

func (c *gorillaClient) read() {
	defer func() {
		c.hub.unregister <- c
		c.conn.Close()
	}()
	c.conn.SetReadLimit(maxMessage)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		_, message, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		c.hub.broadcast <- message
	}
}

func (c *gorillaClient) write() {
	ticker := time.NewTicker(pingPeriod)
	defer ticker.Stop()
	defer c.conn.Close()
	for {
		select {
		case message, ok := <-c.send:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok {
				c.conn.WriteMessage(websocket.CloseMessage, nil)
				return
			}
			if err := c.writeAll(message); err != nil {
				return
			}
		case <-ticker.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}

func (c *gorillaClient) writeAll(message []byte) error {
	w, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	w.Write(message)
	for range len(c.send) {
		w.Write([]byte{'\n'})
		w.Write(<-c.send)
	}
	return w.Close()
}

func newGorilla() (http.Handler, error) {
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	var mu sync.Mutex
	hubs := map[string]*hub{}
	hubNamed := func(name string) *hub {
		mu.Lock()
		defer mu.Unlock()
		h := hubs[name]
		if h == nil {
			h = &hub{
				clients:    map[*gorillaClient]bool{},
				broadcast:  make(chan []byte),
				register:   make(chan *gorillaClient),
				unregister: make(chan *gorillaClient),
			}
			hubs[name] = h
			go h.run()
		}
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &gorillaClient{hub: hubNamed(r.FormValue("room")), conn: conn, send: make(chan []byte, 256)}
		c.hub.register <- c
		go c.write()
		go c.read()
	}), nil
}
