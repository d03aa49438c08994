package chat_test

import (
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// cuttable is a journal that may not reach its store.
type cuttable struct {
	journal.Journal
	changed chan func([]journal.Node) // of each watcher
}

func (c *cuttable) Nodes() journal.Nodes { return &cuttableNodes{c.Journal.Nodes(), c} }

type cuttableNodes struct {
	journal.Nodes
	of *cuttable
}

func (n *cuttableNodes) Watch(changed func([]journal.Node)) (func(), error) {
	n.of.changed <- changed
	return n.Nodes.Watch(changed)
}

// A node that is cut off says goodbye to all its clients, and lets nobody in until it is back.
func TestNodes_CutOff_SaysGoodbye(t *testing.T) {
	j := &cuttable{memjournal.New(memjournal.Options{}), make(chan func([]journal.Node), 9)}
	url, _ := serve(t, chat.Config{Journal: j}, &chat.Handler{Auth: tokens{}})
	ann := dialV1(t, url).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	changed := []func([]journal.Node){<-j.changed, <-j.changed} // of commands, and of who is online
	for _, tell := range changed {
		tell(nil)
	}
	ann.expect(`{"type":"bye","code":"shutdown","…":"…"}`)
	_, res, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{chat.Subprotocol}})
	if err == nil || res == nil || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("a handshake was answered with %v, %v", res, err)
	}
	for _, tell := range changed {
		tell([]journal.Node{j.Journal.Nodes().Self()})
	}
	dialV1(t, url).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
}
