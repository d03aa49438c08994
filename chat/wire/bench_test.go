package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// frame200 is a send of 200 bytes.
var frame200 = []byte(fmt.Sprintf(`{"type":"send","id":"3","room":"team","key":"b1f0c9d2-77aa-4c01-9a54-2f6d0be1c3a7","body":{"text":%q}}`,
	strings.Repeat("hello ", 16)+"there"))

func BenchmarkDecode(b *testing.B) {
	hello := []byte(`{"type":"hello","id":"1","device":"d-81","name":"Li","rooms":[{"room":"team","epoch":"k3","after":41},{"room":"lobby"}]}`)
	for _, c := range []struct {
		name string
		p    []byte
	}{
		{"send200", frame200},
		{"sendChinese", []byte(`{"type":"send","id":"3","room":"team","key":"b1f0c9d2","body":{"text":"` + strings.Repeat("你好", 25) + `"}}`)},
		{"ping", []byte(`{"type":"ping"}`)},
		{"hello", hello},
		{"history", []byte(`{"type":"history","id":"4","room":"team","before":42,"limit":50}`)},
		{"sendSpaces", []byte(`{ "type": "send", "room": "team", "body": { "text": "` + strings.Repeat("hello ", 16) + `", "tags": [ 1, 2, 3 ] } }`)},
		{"sendTree", []byte(`{"type":"send","room":"team","body":[` + strings.Repeat(`{"x":1.5,"y":[true,null,"a\u00e9b"]},`, 20) + `0]}`)},
		{"send64KiB", []byte(`{"type":"send","room":"team","body":"` + strings.Repeat("a", 64<<10) + `"}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.p)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(c.p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEntry_Append(b *testing.B) {
	from := User{ID: "u7", Name: "Li"}
	text := []byte(strings.Repeat("hello ", 33))
	for _, c := range []struct {
		name string
		e    Entry
	}{
		{"json", Entry{Kind: journal.Message, Room: "team", Seq: 45, At: 1700000000000, From: from, Key: "b1f", Body: []byte(`{"text":"` + string(text) + `"}`)}},
		{"text", Entry{Kind: journal.Message, Room: "team", Seq: 45, At: 1700000000000, From: from, Body: text, Text: true}},
		{"chinese", Entry{Kind: journal.Message, Room: "team", Seq: 45, At: 1700000000000, From: from, Body: []byte(strings.Repeat("你好", 33)), Text: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = c.e.Append(dst[:0])
			}
		})
	}
}

func BenchmarkAppendString(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"name", "Li"},
		{"text200", strings.Repeat("hello ", 33)},
		{"chinese200", strings.Repeat("你好", 33)},
		{"escapes200", strings.Repeat("\"hi\"\n", 33)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = AppendString(dst[:0], c.text)
			}
		})
	}
}

func BenchmarkTextSize(b *testing.B) {
	body := []byte(`{"kind":"note","text":"` + strings.Repeat("hello ", 32) + `\u4f60"}`)
	b.ReportAllocs()
	for b.Loop() {
		if TextSize(body) == 0 {
			b.Fatal("no text")
		}
	}
}

func BenchmarkTextOf(b *testing.B) {
	body := []byte(`"` + strings.Repeat("hello ", 33) + `"`)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := TextOf(body); !ok {
			b.Fatal("no text")
		}
	}
}
