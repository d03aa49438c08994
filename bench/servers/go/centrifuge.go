package main

import (
	"context"
	"net/http"

	"github.com/centrifugal/centrifuge"
)

type roomKey struct{}

// newCentrifuge serves Centrifuge's JSON protocol. The server subscribes each
// client to the channel of its room, and publishes there what a client sends,
// without history. A sender receives its own messages.
func newCentrifuge() (http.Handler, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{ctx.Value(roomKey{}).(string): {}},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		channel := client.Context().Value(roomKey{}).(string)
		client.OnMessage(func(e centrifuge.MessageEvent) { node.Publish(channel, e.Data) })
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{MessageSizeLimit: 2 * maxMessage})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room := r.FormValue("room")
		if room == "" {
			room = "lobby"
		}
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roomKey{}, room)))
	}), nil
}
