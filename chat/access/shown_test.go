package access_test

import (
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestCleanUser_Name(t *testing.T) {
	for name, want := range map[string]string{
		"":                              "",
		"Li":                            "Li",
		"José 李":                        "José 李",
		"Jos\xe9":                       "José",
		"Anna\tB.":                      "Anna B.",
		"Anna\r\nB.":                    "Anna  B.",
		" Anna\n":                       "Anna",
		"Li\x14":                        "Li",
		"\x1b[31mred":                   "[31mred",
		"\x00\x7f\u0085\t":              "",
		strings.Repeat("李", 64):         strings.Repeat("李", 64),
		strings.Repeat("李", 400):        strings.Repeat("李", 64),
		strings.Repeat("x", 63) + " yz": strings.Repeat("x", 63),
		strings.Repeat("\xe9", 65):      strings.Repeat("é", 64),
	} {
		checkClean(t, journal.User{ID: "u7", Name: name}, journal.User{ID: "u7", Name: want})
	}
}

func TestCleanUser_Avatar(t *testing.T) {
	const https = "https://"
	for avatar, want := range map[string]string{
		"":                                  "",
		"https://x.example/a.png":           "https://x.example/a.png",
		"http://x.example/a.png":            "http://x.example/a.png",
		"HTTPS://x.example/A.png":           "https://x.example/A.png",
		"https://x.example/\xe9.png":        "https://x.example/é.png",
		"/a.png":                            "",
		"//x.example/a.png":                 "",
		"x.example/a.png":                   "",
		"data:image/png;base64,iVBORw":      "",
		"javascript:alert(1)":               "",
		"javascript://x.example/%0aa()":     "",
		" https://x.example/a.png":          "",
		"https:/x.example/a.png":            "",
		"https://":                          "",
		"https:///x.png":                    "",
		"https://:80/x.png":                 "",
		"http://[::1":                       "",
		"http://[::1]/a.png":                "http://[::1]/a.png",
		"https://a b":                       "",
		"https://x.example/a b.png":         "",
		"https://x.example/%zz":             "",
		"https://x.example/\u202egnp.a":     "",
		"https://x.example/\u2028.png":      "",
		"https://x.example/\u00a0":          "",
		"https://李.example/李.png?a=b&c#d":   "https://李.example/李.png?a=b&c#d",
		"https://x.example/a\n.png":         "",
		https + strings.Repeat("x", 504):    https + strings.Repeat("x", 504),
		https + strings.Repeat("x", 505):    "",
		https + strings.Repeat("\xe9", 300): "", // 608 bytes in UTF-8
	} {
		checkClean(t, journal.User{ID: "u7", Avatar: avatar, Guest: true}, journal.User{ID: "u7", Avatar: want, Guest: true})
	}
}

// checkClean fails unless CleanUser makes want of from, and leaves want as it is.
func checkClean(t *testing.T, from, want journal.User) {
	t.Helper()
	if got := access.CleanUser(from); got != want {
		t.Errorf("%+v became %+v, want %+v", from, got, want)
	}
	if got := access.CleanUser(want); got != want {
		t.Errorf("%+v, which is clean, became %+v", want, got)
	}
}
