package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

func TestAlone_IsOneNode(t *testing.T) {
	a, b := NewAlone("host"), NewAlone("host")
	if a.Self().ID == b.Self().ID || a.Self().ID == "" || a.Self().Name != "host" {
		t.Errorf("nodes %+v and %+v", a.Self(), b.Self())
	}
	if list, err := a.List(context.Background()); err != nil || !slices.Equal(list, []Node{a.Self()}) {
		t.Errorf("List: %+v, %v", list, err)
	}
}

func TestAlone_Watch_TellsEachDescription(t *testing.T) {
	a := NewAlone("host")
	var told, other []string
	stop, err := a.Watch(func(list []Node) { told = append(told, list[0].Version+list[0].Config) })
	if err != nil {
		t.Fatal(err)
	}
	stopOther, _ := a.Watch(func(list []Node) { other = append(other, list[0].Version) })
	for i := range 3 {
		if err := a.Describe(context.Background(), fmt.Sprint("v", i), "c"); err != nil {
			t.Fatal(err)
		}
		if self := a.Self(); self.Version != fmt.Sprint("v", i) || self.Config != "c" {
			t.Errorf("Self is %+v", self)
		}
		stopOther()
	}
	stop()
	if err := a.Describe(context.Background(), "v3", "c"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []string{"", "v0c", "v1c", "v2c"}) || !slices.Equal(other, []string{"", "v0"}) {
		t.Errorf("told %q, the one that stopped %q", told, other)
	}
}

// Watchers are called one after the other, in one order, and not after stop.
func TestAlone_Watch_WhileManyDescribe(t *testing.T) {
	a := NewAlone("host")
	var watchers [3][]string
	var wg sync.WaitGroup
	for i := range watchers {
		stop, err := a.Watch(func(list []Node) { watchers[i] = append(watchers[i], list[0].Version) })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	for g := range 4 {
		wg.Go(func() {
			for i := range 20 {
				stop, _ := a.Watch(func([]Node) {})
				_ = a.Describe(context.Background(), fmt.Sprint(g, "/", i), "")
				stop()
			}
		})
	}
	wg.Wait()
	if len(watchers[0]) != 81 || watchers[0][80] != a.Self().Version {
		t.Errorf("told %d times, at last %q, Self is %+v", len(watchers[0]), watchers[0][len(watchers[0])-1], a.Self())
	}
	for _, told := range watchers[1:] {
		if !slices.Equal(told, watchers[0]) {
			t.Errorf("watchers were told %q and %q", told, watchers[0])
		}
	}
}

func TestAlone_Closed_TellsNobody(t *testing.T) {
	a, calls := NewAlone("host"), 0
	stop, err := a.Watch(func([]Node) { calls++ })
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	ctx := context.Background()
	if err := a.Describe(ctx, "v2", "c"); !errors.Is(err, ErrClosed) || calls != 1 || a.Self().Version != "" {
		t.Errorf("%v, %d calls, %+v", err, calls, a.Self())
	}
	if _, err := a.List(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := a.Watch(func([]Node) {}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	stop()
}
