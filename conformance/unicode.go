package conformance

// validTexts are at the limits of what UTF-8 allows (RFC 3629).
var validTexts = []struct{ name, bytes string }{
	{"6.2.1 several scripts", "Hello-µ@ßöäüàá-UTF-8!!"},
	{"6.5.1 Greek", "κόσμε"},
	{"6.6.1 four-byte characters", "𝄞 music, 😀 face"},
	{"6.7.1 first of one byte", "\x00"},
	{"6.7.2 first of two bytes", "\xc2\x80"},
	{"6.7.3 first of three bytes", "\xe0\xa0\x80"},
	{"6.7.4 first of four bytes", "\xf0\x90\x80\x80"},
	{"6.9.1 last of one byte", "\x7f"},
	{"6.9.2 last of two bytes", "\xdf\xbf"},
	{"6.9.3 last of three bytes", "\xef\xbf\xbf"},
	{"6.9.4 last of four bytes", "\xf4\x8f\xbf\xbf"},
	{"6.11.1 last before the surrogates", "\xed\x9f\xbf"},
	{"6.11.2 first after the surrogates", "\xee\x80\x80"},
	{"6.11.3 replacement character", "\xef\xbf\xbd"},
	{"6.22.1 noncharacter", "\xef\xbf\xbe"},
	{"6.22.3 noncharacter of four bytes", "\xf0\x9f\xbf\xbe"},
}

// invalidTexts are not UTF-8.
var invalidTexts = []struct{ name, bytes string }{
	{"6.3.1 a text with a surrogate in it", "κόσμε\xed\xa0\x80edited"},
	{"6.4.1 a text with something too high in it", "κόσμε\xf4\x90\x80\x80edited"},
	{"6.6.2 two of three bytes", "text \xe2\x82"},
	{"6.6.3 one of two bytes", "text \xc3"},
	{"6.6.4 three of four bytes", "text \xf0\x9f\x98"},
	{"6.6.5 two of three bytes, then more text", "\xe2\x82text"},
	{"6.8.1 five bytes", "\xf8\x88\x80\x80\x80"},
	{"6.8.2 six bytes", "\xfc\x84\x80\x80\x80\x80"},
	{"6.10.1 first too high", "\xf4\x90\x80\x80"},
	{"6.12.1 continuation 80 alone", "\x80"},
	{"6.12.2 continuation BF alone", "\xbf"},
	{"6.12.3 two continuations alone", "\x80\xbf"},
	{"6.13.1 start of two, alone", "\xc2 \xdf "},
	{"6.13.2 start of three, alone", "\xe0 \xef "},
	{"6.13.3 start of four, alone", "\xf0 \xf4 "},
	{"6.14.1 FE", "\xfe"},
	{"6.14.2 FF", "\xff"},
	{"6.15.1 overlong slash in two bytes", "\xc0\xaf"},
	{"6.15.2 overlong slash in three bytes", "\xe0\x80\xaf"},
	{"6.15.3 overlong slash in four bytes", "\xf0\x80\x80\xaf"},
	{"6.16.1 highest overlong in two bytes", "\xc1\xbf"},
	{"6.16.2 highest overlong in three bytes", "\xe0\x9f\xbf"},
	{"6.16.3 highest overlong in four bytes", "\xf0\x8f\xbf\xbf"},
	{"6.17.1 overlong NUL", "\xc0\x80"},
	{"6.18.1 first surrogate", "\xed\xa0\x80"},
	{"6.18.4 last surrogate", "\xed\xbf\xbf"},
	{"6.19.1 pair of surrogates", "\xed\xa0\x80\xed\xb0\x80"},
}

// unicodeTable holds each text as one frame, and with one byte in each fragment.
// A fragment may end within a character (section 5.6), so a server must not check
// fragments one by one. It may close at the first wrong byte or at the end of the
// message.
func unicodeTable() []frameCase {
	var table []frameCase
	for _, s := range validTexts {
		b := []byte(s.bytes)
		table = append(table,
			frameCase{name: s.name, rule: ruleUTF8,
				send: []frame{{opcode: opText, payload: b}}, relayed: relayedText(s.bytes)},
			frameCase{name: s.name + ", one byte a fragment", rule: ruleUTF8,
				send: split(opText, b, 1), relayed: relayedText(s.bytes)},
		)
	}
	for _, s := range invalidTexts {
		b := []byte(s.bytes)
		table = append(table,
			frameCase{name: s.name, rule: ruleUTF8,
				send: []frame{{opcode: opText, payload: b}}, codes: closeCodes(codeNotUTF8)},
			frameCase{name: s.name + ", one byte a fragment", rule: ruleUTF8,
				send: split(opText, b, 1), codes: closeCodes(codeNotUTF8)},
		)
	}
	return append(table,
		frameCase{
			name: "a character cut short by an empty last fragment", rule: ruleUTF8,
			send:  []frame{text("\xe2\x82").notFinal(), continuation("")},
			codes: closeCodes(codeNotUTF8),
		},
		frameCase{
			name: "a character with a ping between its bytes", rule: ruleUTF8,
			send:    []frame{text("\xe2\x82").notFinal(), pingFrame("\xac"), continuation("\xac")},
			relayed: relayedText("€"), pongs: []string{"\xac"},
		},
		frameCase{
			name: "halves of a character in two messages", rule: ruleUTF8,
			send:  []frame{text("\xe2\x82"), text("\xac")},
			codes: closeCodes(codeNotUTF8),
		},
		frameCase{
			name: "binary that is not UTF-8", rule: "RFC 6455 section 5.6",
			send:    split(opBinary, []byte("\xed\xa0\x80\xff\xc0"), 2),
			relayed: relayedBinary([]byte("\xed\xa0\x80\xff\xc0")),
		},
	)
}
