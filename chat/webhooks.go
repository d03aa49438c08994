package chat

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

// Webhooks returns what the hub's webhooks are doing, in the order of the settings.
func (h *Hub) Webhooks() []webhook.Status { return h.hooks.Status() }

// ReplayWebhook moves a webhook back, so that it sends again what was recorded since a
// time, as far as the journal's feed keeps it: 72 hours, or less. The error wraps
// webhook.ErrUnknown if there is no webhook of that name.
func (h *Hub) ReplayWebhook(ctx context.Context, name string, since time.Time) ([]webhook.Moved, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	return h.replayed(name)(h.hooks.Replay(ctx, name, since))
}

// ReplayWebhookFrom is ReplayWebhook for what was recorded behind a position. The error wraps
// webhook.ErrPosition if it is none of this journal.
func (h *Hub) ReplayWebhookFrom(ctx context.Context, name, position string) ([]webhook.Moved, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	return h.replayed(name)(h.hooks.ReplayFrom(ctx, name, position))
}

func (h *Hub) replayed(name string) func([]webhook.Moved, error) ([]webhook.Moved, error) {
	return func(moved []webhook.Moved, err error) ([]webhook.Moved, error) {
		if err == nil {
			h.events.Write(events.Event{Type: events.Audit, Act: "replay", Webhook: name, By: events.ByOperator})
		}
		return moved, err
	}
}

// WaitingEvents returns how many events a webhook has not sent yet, or webhook.MaxWaiting if
// there are so many.
func (h *Hub) WaitingEvents(ctx context.Context, name string) (int, error) {
	ctx, cancel := h.core.Bound(ctx)
	defer cancel()
	return h.hooks.Waiting(ctx, name)
}
