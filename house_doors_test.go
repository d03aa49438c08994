package caddychat_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The doors: what speaks to clients and operators. They only translate into acts.
var doors = []string{
	"chat/handler.go", "chat/httpapi.go", "chat/hosts.go", "chat/session.go", "chat/operator.go",
	"caddymodule/admin/*.go", "chat/internal/chatv1/*.go", "chat/internal/httpapi/*.go", "chat/internal/rawdialect/*.go",
}

// What doors need of the packages that rules and records are made of.
var ofDoors = map[string][]string{
	"access": {
		"Authenticator", "BearerToken", "Credential", "HandshakeToken", "Identity", "Origins",
		"Sanction", "Source", "SourceOf",
	},
	"journal": {
		"Binary", "CheckRoom", "Entry", "IsReserved", "Message", "Notice", "Query", "Receipt", "Seq", "User",
		"Heads", "Lister", "Reporter", // an operator looks at figures
	},
}

// What only an act may do, or a Turn, which comes before each.
var ofActs = []string{
	"Allow", "Authenticate", "Charge", "Debt", "MayModerate", "MayRead", "MayWrite", "Owe", "Policies", "Reserve", "Rights",
}

// What a door calls Allow of: the origins of a handler's pages are its own rule.
const ofHandlers = "Origins"

// No door asks the journal, a policy, a sanction or a rate by itself: chat/internal/acts
// does, for all of them.
func TestHouse_Doors_OnlyTranslate(t *testing.T) {
	for _, pattern := range doors {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			for _, what := range askedBy(t, path, nil) {
				t.Errorf("%s uses %s: only chat/internal/acts may", path, what)
			}
		}
	}
}

// The check finds what it should.
func TestHouse_Doors_AreChecked(t *testing.T) {
	const door = `package p
func f() {
	h.journal.Read(ctx, q)
	h.journal.Heads(ctx, rooms)
	set.Policies.For(id, room)
	sub.Append(ctx, e, done)
	s.MayRead(room)
	a.Charge(1)
	auth.Authenticate(ctx, c)
	h.Origins.Allow(r)
	limiter.Allow(r)
	frame.Append(nil)
	var l access.Limiter
	var j journal.Journal
}`
	want := []string{"journal.Read", "Policies", "Append", "MayRead", "Charge", "Authenticate", "Allow", "access.Limiter", "journal.Journal"}
	if got := askedBy(t, "door.go", door); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// askedBy returns what a file uses although it is a door. src is nil, or its text.
func askedBy(t *testing.T, path string, src any) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			// To append an entry takes three arguments, and a frame one.
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Append" && len(n.Args) == 3 {
				found = append(found, "Append")
			}
		case *ast.SelectorExpr:
			of := ""
			switch x := n.X.(type) {
			case *ast.Ident:
				of = x.Name
			case *ast.SelectorExpr: // of a field
				of = x.Sel.Name
			}
			isError := strings.HasPrefix(n.Sel.Name, "Err") // which a door puts into words
			if names, ok := ofDoors[of]; ok && !isError && !slices.Contains(names, n.Sel.Name) {
				found = append(found, of+"."+n.Sel.Name)
			}
			if slices.Contains(ofActs, n.Sel.Name) && of != ofHandlers {
				found = append(found, n.Sel.Name)
			}
		}
		return true
	})
	return found
}
