package transfer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// appendJSON appends a value as JSON, without escapes for HTML: they would make a text six times as
// long. The error is nil for whatever a line has.
func appendJSON(dst []byte, v any) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

type lineUser struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Avatar string `json:"avatar,omitempty"`
	Guest  bool   `json:"guest,omitempty"`
	Bot    bool   `json:"bot,omitempty"` // it follows from the id
}

// user returns who it is, as clients may be shown them.
func (u *lineUser) user() journal.User {
	return access.CleanUser(journal.User{ID: u.ID, Name: u.Name, Avatar: u.Avatar, Guest: u.Guest})
}

// check returns an error if nobody can be shown so.
func (u *lineUser) check(field string) error {
	if err := wire.CheckUser("id", u.ID); err != nil {
		return told(field, err)
	}
	if u.Bot && !wire.IsBot(u.ID) {
		return &wire.Malformed{Field: field + ".bot", What: "belongs to ids that begin with bot-"}
	}
	return cmp.Or(check(field+".name", wire.NameText, u.Name), checkAvatar(field, u.Avatar))
}

// checkTexts returns an error if no conversation can be called so.
func checkTexts(field, title, avatar, about string) error {
	return cmp.Or(check(field+".title", wire.TitleText, title), checkAvatar(field, avatar), check(field+".about", wire.AboutText, about))
}

// checkAvatar returns an error if nobody is shown such a picture. Earlier versions let in what
// only begins like a URL, so an export of theirs may have that.
func checkAvatar(field, avatar string) error {
	err := check(field+".avatar", wire.AvatarText, avatar)
	begins := strings.HasPrefix(avatar, "https://") || strings.HasPrefix(avatar, "http://")
	if begins && len(avatar) <= wire.MaxAvatar && !strings.ContainsFunc(avatar, unicode.IsControl) {
		return nil
	}
	return err
}

// check returns an error if no door of a hub lets such a text in.
func check(field string, t wire.Text, text string) error {
	if what := t.Wrong(text); what != "" {
		return &wire.Malformed{Field: field, What: what}
	}
	return nil
}

// told returns what the error of a door says of a field, without the code that clients get.
func told(field string, err error) error {
	var no *wire.Error
	if !errors.As(err, &no) {
		return err
	}
	return fmt.Errorf("%s: %s", field, no.Message)
}
