package wire

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

var li = User{ID: "u7", Name: "Li"}

// serverFrames has every type of frame, with all of its fields and with as few as it
// may have.
var serverFrames = []struct {
	frame Frame
	want  string
}{
	{&Welcome{
		ID: "1", Session: "s1", At: 1700000000000, User: User{"u7", "Li", "https://x/y", true}, Token: "t", Expires: 1800000000000,
		Ping: 25 * time.Second, Limits: Limits{65536, 2500, 100, 50, 2 * time.Minute, 15 * time.Minute},
		Rooms: []Room{
			{Name: "team", Epoch: "k3", Last: 2, Members: 3, Read: 1, Unread: 1, Write: true,
				Entries: []Entry{{Kind: journal.Recall, Room: "team", Seq: 2, At: 3, From: li, Target: 1}}},
			{Name: "secret", Refused: Forbidden.Error("")},
		},
	}, `{"type":"welcome","id":"1","session":"s1","at":1700000000000,"user":{"id":"u7","name":"Li","avatar":"https://x/y","guest":true},` +
		`"token":"t","expires":1800000000000,"ping":25000,` +
		`"limits":{"message":65536,"text":2500,"page":100,"rooms":50,"recall":120000,"edit":900000},"rooms":[` +
		`{"room":"team","epoch":"k3","last":2,"entries":[{"type":"recalled","room":"team","seq":2,"at":3,"from":{"id":"u7","name":"Li"},"target":1}],` +
		`"more":false,"gap":false,"members":3,"read":1,"unread":1,"write":true,"moderate":false},` +
		`{"room":"secret","code":"forbidden","message":"you may not do this","retry":false}]}`},
	{&Welcome{User: User{ID: "u7"}}, `{"type":"welcome","session":"","at":0,"user":{"id":"u7","name":""},"ping":0,` +
		`"limits":{"message":0,"text":0,"page":0,"rooms":0,"recall":0,"edit":0},"rooms":[]}`},
	{&Joined{"2", Room{Name: "lobby", Epoch: "k3", Last: 9, More: true, Gap: true, Members: -1, Moderate: true}},
		`{"type":"joined","id":"2","room":"lobby","epoch":"k3","last":9,"entries":[],"more":true,"gap":true,` +
			`"read":0,"unread":0,"write":false,"moderate":true}`},
	{&Joined{"", Room{Name: "lobby", Epoch: "k3", Members: 1, Write: true, Pins: []uint64{3, 9}}},
		`{"type":"joined","room":"lobby","epoch":"k3","last":0,"entries":[],"more":false,"gap":false,` +
			`"members":1,"read":0,"unread":0,"write":true,"moderate":false,"pins":[3,9]}`},
	{&OK{}, `{"type":"ok"}`},
	{&OK{"3", "team"}, `{"type":"ok","id":"3","room":"team"}`},
	{&Sent{"3", "team", 45, 1700000000000, true}, `{"type":"ok","id":"3","room":"team","seq":45,"at":1700000000000,"duplicate":true}`},
	{&Sent{ID: "3", Room: "team", Duplicate: true}, `{"type":"ok","id":"3","room":"team","duplicate":true}`},
	{&Marked{"3", "team", 44, 1}, `{"type":"ok","id":"3","room":"team","seq":44,"unread":1}`},
	{&Renewed{"3", 1800000000000}, `{"type":"ok","id":"3","expires":1800000000000}`},
	{&Page{"4", "team", "k3", []Entry{
		{Kind: journal.Message, Room: "team", Seq: 1, At: 2, From: li, Key: "k", Body: []byte(`{"text":"hi"}`)},
		{Kind: journal.Message, Room: "team", Seq: 2, At: 2, From: li, Body: []byte("say \"hi\""), Text: true},
		{Kind: journal.Message, Room: "team", Seq: 3, At: 2, From: li, Key: "k2", Gone: true, Target: 2, Mentions: []string{"u8"}, Quiet: true},
		{Kind: journal.Notice, Room: "team", Seq: 4, At: 2, Body: []byte(`1`)},
		{Kind: journal.Recall, Room: "team", Seq: 5, At: 2, Target: 1},
		{Kind: journal.Message, Room: "team", Seq: 6, At: 2, From: li, Target: 1, Mentions: []string{"u8", "*"}, Quiet: true, Body: []byte(`1`)},
		{Kind: journal.Notice, Room: "team", Seq: 7, At: 2, Quiet: true, Body: []byte(`1`)},
		{Kind: journal.Message, Room: "team", Seq: 8, At: 2, From: li, Body: []byte(`2`), Edited: 9},
		{Kind: journal.Edit, Room: "team", Seq: 9, At: 2, From: li, Target: 8, Body: []byte(`2`)},
		{Kind: journal.Edit, Room: "team", Seq: 10, At: 2, From: li, Target: 3, Body: []byte{}},
		{Kind: journal.Tag, Room: "team", Seq: 11, At: 2, Target: 3, Body: []byte(`{"tag":"x","value":1,"shared":true}`)},
		{Kind: journal.Tag, Room: "team", Seq: 12, At: 2, From: li, Target: 3, Body: []byte(`{"tag":"x","value":true}`)},
		{Kind: journal.Tag, Room: "team", Seq: 13, At: 2, From: li, Target: 3}, // to whom the message is not shown
		{Kind: journal.Message, Room: "team", Seq: 13, At: 2, From: li, Body: []byte(`2`), Tags: []Tag{
			{Tag: "pin", Value: []byte("true")}, {Tag: "👍", Users: 2, Mine: true, Some: []string{"u7", "u8"}}}},
		{Kind: journal.Message, Room: "team", Seq: 14, At: 2, From: User{ID: "bot-crm", Name: "crm"}, Body: []byte(`2`)},
		{Kind: journal.Message, Room: "team", Seq: 15, At: 2, From: li, Via: "crm", Body: []byte(`2`)},
	}, true}, `{"type":"history","id":"4","room":"team","epoch":"k3","entries":[` +
		`{"type":"message","room":"team","seq":1,"at":2,"from":{"id":"u7","name":"Li"},"key":"k","body":{"text":"hi"}},` +
		`{"type":"message","room":"team","seq":2,"at":2,"from":{"id":"u7","name":"Li"},"body":"say \"hi\""},` +
		`{"type":"message","room":"team","seq":3,"at":2,"from":{"id":"u7","name":"Li"},"key":"k2","reply":2,"quiet":true,"recalled":true},` +
		`{"type":"notice","room":"team","seq":4,"at":2,"body":1},` +
		`{"type":"recalled","room":"team","seq":5,"at":2,"target":1},` +
		`{"type":"message","room":"team","seq":6,"at":2,"from":{"id":"u7","name":"Li"},"reply":1,"mentions":["u8","*"],"quiet":true,"body":1},` +
		`{"type":"notice","room":"team","seq":7,"at":2,"quiet":true,"body":1},` +
		`{"type":"message","room":"team","seq":8,"at":2,"from":{"id":"u7","name":"Li"},"body":2,"edited":9},` +
		`{"type":"edited","room":"team","seq":9,"at":2,"from":{"id":"u7","name":"Li"},"target":8,"body":2},` +
		`{"type":"edited","room":"team","seq":10,"at":2,"from":{"id":"u7","name":"Li"},"target":3},` +
		`{"type":"tagged","room":"team","seq":11,"at":2,"target":3,"tag":"x","value":1,"shared":true},` +
		`{"type":"tagged","room":"team","seq":12,"at":2,"from":{"id":"u7","name":"Li"},"target":3,"tag":"x","value":true},` +
		`{"type":"tagged","room":"team","seq":13,"at":2,"from":{"id":"u7","name":"Li"},"target":3},` +
		`{"type":"message","room":"team","seq":13,"at":2,"from":{"id":"u7","name":"Li"},"body":2,"tags":[{"tag":"pin","value":true},` +
		`{"tag":"👍","users":2,"mine":true,"some":["u7","u8"]}]},` +
		`{"type":"message","room":"team","seq":14,"at":2,"from":{"id":"bot-crm","name":"crm","bot":true},"body":2},` +
		`{"type":"message","room":"team","seq":15,"at":2,"from":{"id":"u7","name":"Li"},"via":"crm","body":2}],"more":true}`},
	{&Roster{"5", "team", []User{li, {ID: "u8"}}, 2},
		`{"type":"who","id":"5","room":"team","users":[{"id":"u7","name":"Li"},{"id":"u8","name":""}],"members":2}`},
	{&Pong{}, `{"type":"pong"}`},
	{&Pong{"6"}, `{"type":"pong","id":"6"}`},
	{&Presence{"team", []User{li}, nil, 4},
		`{"type":"presence","room":"team","joined":[{"id":"u7","name":"Li"}],"left":[],"members":4}`},
	{&Writing{"team", li}, `{"type":"typing","room":"team","from":{"id":"u7","name":"Li"}}`},
	{&Mark{"team", 45, 0}, `{"type":"read","room":"team","seq":45,"unread":0}`},
	{&Expiring{1800000000000}, `{"type":"expiring","expires":1800000000000}`},
	{&Silenced{"team", time.Minute}, `{"type":"muted","room":"team","for":60000}`},
	{&Silenced{"", Forever}, `{"type":"muted"}`},
	{&Silenced{"team", 0}, `{"type":"muted","room":"team","for":0}`},
	{&Removed{"team", Kicked.Error("")}, `{"type":"removed","room":"team","code":"kicked","message":"you were removed","retry":false}`},
	{&Error{Code: BadFrame, ID: "7", Field: "seq", Message: "seq is missing", Retry: Never},
		`{"type":"error","id":"7","code":"bad_frame","field":"seq","message":"seq is missing","retry":false}`},
	{&Error{Code: Unavailable, ID: "8", Message: "no answer from the disk", Retry: 2 * time.Second, Uncertain: true},
		`{"type":"error","id":"8","code":"unavailable","message":"no answer from the disk","uncertain":true,"retry":2000}`},
	{NoHello.Error(""), `{"type":"error","code":"no_hello","message":"say hello first","retry":false}`},
	{Shutdown.Bye(), `{"type":"bye","code":"shutdown","message":"the server is shutting down","retry":1000}`},
}

func TestFrame_Append(t *testing.T) {
	for _, c := range slices.Concat(serverFrames, conversationFrames) {
		got := c.frame.Append([]byte("kept"))
		if string(got) != "kept"+c.want {
			t.Errorf("%T:\n got %s\nwant kept%s", c.frame, got, c.want)
		}
		if !json.Valid(got[4:]) {
			t.Errorf("%T is not JSON: %s", c.frame, got)
		}
	}
}

func TestFrame_Append_AllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for _, c := range slices.Concat(serverFrames, conversationFrames) {
		if n := testing.AllocsPerRun(10, func() { c.frame.Append(dst) }); n > 0 {
			t.Errorf("%T: %v allocations", c.frame, n)
		}
	}
}
