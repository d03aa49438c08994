package main

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// subscriber is as in coder/websocket's chat example: a goroutine writes what is
// in the queue, and a client whose queue is full is disconnected. The queue is
// longer than the 16 of the example, which overflow at once with ten senders.
type subscriber struct {
	conn  *websocket.Conn
	queue chan []byte
}

const queueLength = 256

func (s *subscriber) add(message []byte) {
	select {
	case s.queue <- message:
	default:
		go s.conn.Close(websocket.StatusPolicyViolation, "connection too slow to keep up with messages")
	}
}

func (s *subscriber) write(ctx context.Context) {
	for {
		select {
		case message := <-s.queue:
			if err := s.writeTimeout(ctx, message); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (s *subscriber) writeTimeout(ctx context.Context, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, message)
}

func newCoder() (http.Handler, error) {
	var all rooms[*subscriber]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(maxMessage)
		s := &subscriber{conn: conn, queue: make(chan []byte, queueLength)}
		room := all.named(r.FormValue("room"))
		room.join(s)
		defer room.leave(s)

		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go s.write(ctx)
		for {
			_, message, err := conn.Read(ctx)
			if err != nil {
				return
			}
			room.others(s, func(other *subscriber) { other.add(message) })
		}
	}), nil
}
