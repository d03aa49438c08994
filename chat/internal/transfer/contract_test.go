package transfer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// leftOutKinds are the kinds of recorded entries that no export has, and why.
var leftOutKinds = map[journal.Kind]string{
	journal.Event: "they are in rooms of the server, of which an export has none",
}

// Each kind of entry is either in an export, and comes back from it, or it is said why not.
func TestExport_EachKindOfEntry(t *testing.T) {
	j := stores["memory"](t)
	exported := map[journal.Kind]bool{}
	for _, e := range everyKind("tea") {
		appendAll(t, j, e)
	}
	for line := range strings.Lines(exportOf(t, j, "")) {
		e, _, _, err := parseLine([]byte(line), nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		exported[e.Kind] = true
	}
	for k := range 256 {
		kind := journal.Kind(k)
		if kind.Recorded() && exported[kind] == (leftOutKinds[kind] != "") {
			t.Errorf("the kind %d %q: exported %v, left out because %q", k, kind.Name(), exported[kind], leftOutKinds[kind])
		}
	}
}

// How each kind of record, by the beginning of its key, is treated.
var (
	carried = []string{"all", "at", "in", "pin", "role", "room", "row", "seen", "tag", "user"}
	leftOut = map[string]string{
		"ban":         "documented: what one hub forbids, another need not",
		"feed":        "how far a webhook of this hub is",
		"last":        "documented: when users were here is not known in another hub",
		"list":        "a key and a time for places in lists, which are of no use anywhere else",
		"mark":        "documented: read marks in rooms without members",
		"missed":      "how far this hub has looked for what was missed",
		"mute":        "documented: as bans",
		"online":      "who is here now",
		"owed":        "what nodes of this hub have not told each other yet",
		"pattern":     "each hub notes those of its own policies",
		"read":        "as mark, of earlier versions",
		"signedout":   "tokens of this server, which another one does not accept",
		"told":        "that users were told of what they have missed: another hub tells again",
		"wechat":      "encrypted with a secret of this hub",
		"wechatcalls": "what WeChat has counted today",
	}
)

// Each kind of record is either in an export, and comes back from it, or it is said why not. A new
// one is noticed by the text that its key begins with.
func TestExport_EachKindOfRecord(t *testing.T) {
	yes := true
	j, there := stores["memory"](t), stores["memory"](t)
	trip(t, j)
	reads(t, j, "bo", 3)
	sets(t, j, "bo", list.Change{Top: &yes})
	if err := (profiles.Profiles{Records: j.Records()}).Keep(t.Context(), journal.User{ID: "bo", Name: "Bo"}); err != nil {
		t.Fatal(err)
	}
	appendAll(t, j, journal.Entry{Room: "g", Kind: journal.Message, From: ann, Body: []byte(`"x"`), With: list.Mention("g", []string{"bo", "*"})})
	pin := tags.Change{Room: "g", Seq: 2, Tag: tags.Pin, Value: []byte("true")}
	with, err := pin.Records(t.Context(), j.Records())
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, j, journal.Entry{Room: "g", Kind: journal.Tag, From: ann, Target: 2, Body: []byte(`{"tag":"pin","value":true,"shared":true}`), With: with})
	importInto(t, there, exportOf(t, j, ""), Imported{Lines: 10, Recorded: 10})
	for _, in := range []store{j, there} {
		if got := prefixes(t, in); !slices.Equal(got, carried) {
			t.Errorf("there are records of the kinds %q, want %q", got, carried)
		}
	}

	all := slices.Sorted(maps.Keys(leftOut))
	all = append(all, carried...)
	slices.Sort(all)
	if found := keysInSource(t); !slices.Equal(found, all) {
		t.Errorf("the source has keys that begin with\n%q\nand the tables here have\n%q", found, all)
	}
}

func prefixes(t *testing.T, j store) []string {
	t.Helper()
	found := map[string]bool{}
	err := j.Records().Scan(t.Context(), "", func(r journal.Record) error {
		prefix, _, _ := strings.Cut(r.Key, "\x00")
		found[prefix] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}

var recordKey = regexp.MustCompile("^([a-z]+)\x00[a-z]*$")

// keysInSource returns what the keys of records begin with, by the texts in the source of the hub.
func keysInSource(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "journaltest") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, is := n.(*ast.BasicLit); is && text.Kind == token.STRING {
				if value, err := strconv.Unquote(text.Value); err == nil && recordKey.MatchString(value) {
					found[recordKey.FindStringSubmatch(value)[1]] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}
