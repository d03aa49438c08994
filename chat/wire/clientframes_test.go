package wire

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"
)

var body = []byte(`{"text":"hi"}`)

// clientFrames has every type of command, with all of its fields and with as few as
// it may have.
var clientFrames = []struct {
	frame Command
	want  string
}{
	{&Hello{"1", "t", "d", "Li", "https://x/y", []Place{{"team", true, "k3", 41}, {Room: "lobby"}}, nil},
		`{"type":"hello","id":"1","token":"t","device":"d","name":"Li","avatar":"https://x/y",` +
			`"rooms":[{"room":"team","epoch":"k3","after":41},{"room":"lobby"}]}`},
	{&Hello{}, `{"type":"hello"}`},
	{&Join{"2", Place{"team", true, "k3", 0}}, `{"type":"join","id":"2","room":"team","epoch":"k3","after":0}`},
	{&Join{Place: Place{Room: "team"}}, `{"type":"join","room":"team"}`},
	{&Leave{"3", "team"}, `{"type":"leave","id":"3","room":"team"}`},
	{&Send{"4", "team", "k", 3, []string{"u8", "李"}, true, false, body},
		`{"type":"send","id":"4","room":"team","key":"k","reply":3,"mentions":["u8","李"],"quiet":true,"body":{"text":"hi"}}`},
	{&Send{Room: "team", Notice: true, Body: body}, `{"type":"send","room":"team","notice":true,"body":{"text":"hi"}}`},
	{&Send{Room: "team", Body: body}, `{"type":"send","room":"team","body":{"text":"hi"}}`},
	{&History{ID: "5", Room: "team", Before: 9, Limit: 5}, `{"type":"history","id":"5","room":"team","before":9,"limit":5}`},
	{&History{Room: "team", Forward: true}, `{"type":"history","room":"team","after":0}`},
	{&History{Room: "team"}, `{"type":"history","room":"team"}`},
	{&Edit{"e", "team", 7, "k", body}, `{"type":"edit","id":"e","room":"team","seq":7,"key":"k","body":{"text":"hi"}}`},
	{&Edit{Room: "team", Seq: 7, Body: body}, `{"type":"edit","room":"team","seq":7,"body":{"text":"hi"}}`},
	{&SetTag{"e", "team", 7, "👍", []byte("true"), false}, `{"type":"tag","id":"e","room":"team","seq":7,"tag":"👍","value":true}`},
	{&SetTag{Room: "team", Seq: 7, Tag: "pin", Value: []byte(`{"by":[1]}`), Shared: true}, `{"type":"tag","room":"team","seq":7,"tag":"pin","value":{"by":[1]},"shared":true}`},
	{&Recall{"6", "team", 7}, `{"type":"recall","id":"6","room":"team","seq":7}`},
	{&Typing{"7", "team"}, `{"type":"typing","id":"7","room":"team"}`},
	{&Read{"8", "team", 7}, `{"type":"read","id":"8","room":"team","seq":7}`},
	{&Who{"9", "team"}, `{"type":"who","id":"9","room":"team"}`},
	{&Ping{"a"}, `{"type":"ping","id":"a"}`},
	{&Renew{"b", "t"}, `{"type":"renew","id":"b","token":"t"}`},
	{&Mute{"c", "team", "u7", time.Minute}, `{"type":"mute","id":"c","room":"team","user":"u7","for":60000}`},
	{&Mute{User: "u7", For: Forever}, `{"type":"mute","user":"u7"}`},
	{&Kick{"d", "team", "u7"}, `{"type":"kick","id":"d","room":"team","user":"u7"}`},
	{&Kick{User: "u7"}, `{"type":"kick","user":"u7"}`},
	{&Ban{"e", "team", "u7", 0}, `{"type":"ban","id":"e","room":"team","user":"u7","for":0}`},
	{&Ban{User: "u7", For: Forever}, `{"type":"ban","user":"u7"}`},
}

func TestCommand_Append(t *testing.T) {
	for _, c := range slices.Concat(clientFrames, conversationCommands) {
		if got := string(c.frame.Append(nil)); got != c.want {
			t.Errorf("%T:\n got %s\nwant %s", c.frame, got, c.want)
		}
		decoded, err := Decode([]byte(c.want))
		if err != nil || !reflect.DeepEqual(decoded, c.frame) {
			t.Errorf("%s: decoded as %+v, %v", c.want, decoded, err)
		}
		var want struct{ ID string }
		if err := json.Unmarshal([]byte(c.want), &want); err != nil || c.frame.CommandID() != want.ID {
			t.Errorf("%s: id %q, %v", c.want, c.frame.CommandID(), err)
		}
	}
}
