package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

// Webhook is what a webhook of a hub is doing.
type Webhook struct {
	webhook.Status
	Lag     int64 `json:"lag"`     // how long the oldest event waits that is not accepted yet, milliseconds
	Waiting int   `json:"waiting"` // events that were not accepted yet, counted up to webhook.MaxWaiting
}

// WebhookList is the answer to GET /chat/hubs/{hub}/webhooks.
type WebhookList struct {
	Webhooks []Webhook `json:"webhooks"`
}

func getWebhooks(hub *chat.Hub, r *http.Request) (any, error) {
	list := WebhookList{Webhooks: []Webhook{}}
	for _, s := range hub.Webhooks() {
		n, err := hub.WaitingEvents(r.Context(), s.Name)
		if err != nil {
			return nil, err
		}
		list.Webhooks = append(list.Webhooks, Webhook{s, s.Lag.Milliseconds(), n})
	}
	return list, nil
}

// Replayed is the answer to POST /chat/hubs/{hub}/replay.
type Replayed struct {
	Webhook string          `json:"webhook"`
	Parts   []webhook.Moved `json:"parts"`
}

func replay(hub *chat.Hub, r *http.Request) (any, error) {
	var of struct {
		Webhook string `json:"webhook"`
		Since   string `json:"since"`
		From    string `json:"from"`
	}
	if err := decode(r, &of); err != nil {
		return nil, err
	}
	if (of.Since == "") == (of.From == "") {
		return nil, apiError(http.StatusBadRequest, "either since is needed, a duration like 2h, or from, a position")
	}
	var moved []webhook.Moved
	var err error
	if of.From != "" {
		moved, err = hub.ReplayWebhookFrom(r.Context(), of.Webhook, of.From)
	} else {
		ago, parseErr := caddy.ParseDuration(of.Since)
		if parseErr != nil || ago <= 0 {
			return nil, apiError(http.StatusBadRequest, "since must be a duration like 90m, 12h or 3d, not %q", of.Since)
		}
		moved, err = hub.ReplayWebhook(r.Context(), of.Webhook, time.Now().Add(-ago))
	}
	if errors.Is(err, webhook.ErrUnknown) {
		var names []string
		for _, s := range hub.Webhooks() {
			names = append(names, s.Name)
		}
		err = fmt.Errorf("%w%s", err, suggestion(of.Webhook, names))
	}
	return Replayed{of.Webhook, moved}, err
}
