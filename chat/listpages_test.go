package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// A conversation that goes to the top while its list is read page by page may be on no page:
// then a head or its row has been told, so that nothing is missing.
func TestList_RowsMoveWhileOnePages_NothingIsMissing(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		var rooms []string
		for i := range 6 {
			g := ann.create(fmt.Sprintf(`"key":"%d","title":"g%d","users":["ben"]`, i, i))
			time.Sleep(2 * time.Second)
			rooms = append(rooms, g)
		}
		ben := b.connect().openList("ben")
		seen := map[string]bool{}
		next := ""
		for i := range rooms { // a page has one row: the newest that no page has had
			ben.send(`{"type":"list","limit":1` + next + `}`)
			var page struct {
				Type, Room, Next string
				Rows             []struct{ Room string }
			}
			for page.Type != "list" {
				if err := json.Unmarshal([]byte(ben.any()), &page); err != nil {
					t.Fatal(err)
				}
				if page.Type == "head" || page.Type == "row" { // a row if an answer was just being read
					seen[page.Room] = true
				}
			}
			for _, r := range page.Rows {
				seen[r.Room] = true
			}
			next = fmt.Sprintf(`,"next":%q`, page.Next)
			if i == 2 { // the oldest of all, which no page has had
				ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, rooms[0]))
				ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":{"text":"up"}}`, rooms[0]))
				time.Sleep(2 * time.Second)
			}
			if page.Next == "" {
				break
			}
		}
		for i, r := range rooms {
			if !seen[r] {
				t.Errorf("g%d is on no page, and was not told", i)
			}
		}
	})
}

// renamed is an authenticator of users whose name changes.
type renamed struct{ name *atomic.Value }

func (a renamed) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	id, err := tokens{}.Authenticate(ctx, c)
	if err == nil && id.User.ID == "ben" {
		id.User.Name = a.name.Load().(string)
	}
	return id, err
}

// The name of the other of two is that of now whenever the row is read. It makes no head: else
// each change of a name would wake all whom that user has ever talked to.
func TestList_NameChanges_IsReadNext(t *testing.T) {
	var name atomic.Value
	name.Store("Ben")
	inBubble(t, chat.Settings{Policies: chatApp(t)}, renamed{&name}, func(t *testing.T, b *bubble) {
		b.connect().hello(`,"token":"ben"`)
		ann := b.connect().hello(`,"token":"ann"`)
		d := ann.create(`"direct":"ben"`)
		ann.send(fmt.Sprintf(`{"type":"join","id":"j","room":%q}`, d))
		ann.send(fmt.Sprintf(`{"type":"send","id":"s","room":%q,"body":{"text":"hi"}}`, d))
		time.Sleep(2 * time.Second)
		list := b.connect()
		list.openList("ann")
		row := `{"type":"list","rows":[{"room":%q,"with":{"id":"ben","name":%q},"…":"…"}],"more":false}`
		list.send(`{"type":"list"}`)
		list.expect(fmt.Sprintf(row, d, "Ben"))
		name.Store("Benjamin")
		b.connect().hello(`,"token":"ben"`)
		list.silent(5 * time.Second)
		list.send(`{"type":"list"}`)
		list.expect(fmt.Sprintf(row, d, "Benjamin"))
	})
}
