package list

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A page shows the rows that would stand first if all were sorted, and loses none of the others.
func TestSortFirst_IsTheBeginningOfTheWhole(t *testing.T) {
	for range 300 {
		items := make([]*item, rand.IntN(60))
		for i := range items {
			items[i] = &item{room: fmt.Sprint("r", i), at: rand.Int64N(20), settings: Settings{Top: rand.IntN(5) == 0}}
		}
		sorted := slices.Clone(items)
		sortItems(sorted)
		n := rand.IntN(len(items) + 1)
		sortFirst(items, n)
		if !slices.Equal(items[:n], sorted[:n]) {
			t.Fatalf("the first %d of %d differ", n, len(items))
		}
		sortItems(items)
		if !slices.Equal(items, sorted) {
			t.Fatal("some are lost")
		}
	}
}
