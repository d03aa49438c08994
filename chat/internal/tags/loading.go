package tags

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// OfPage are the tags of the messages of a page.
type OfPage map[journal.Seq][]wire.Tag

// Asked is a page of a room whose tags are asked for.
type Asked struct {
	Room     string
	Page     *journal.Page
	Backward bool // it was read from its end
	Pins     bool // of the room, too
}

// Found is what was found for it.
type Found struct {
	Tags OfPage
	Pins []uint64 // the messages that are pinned in the room, the oldest first
}

// isTagged reports whether an entry may have tags that are shown.
func isTagged(e journal.Entry) bool { return e.Kind.Erasable() && !e.Recalled }

func bySeq(e journal.Entry, seq journal.Seq) int { return cmp.Compare(e.Seq, seq) }

// recordCost is what reading a record costs beside its value, and pinSize how many bytes a pin takes in a frame at most.
const recordCost, pinSize = 64, 17

// loading is a Load that is under way: it takes the pages one after the other, and what is read
// of each in the direction in which the page was read, so that it can end where the bytes end.
type loading struct {
	// Fixed.
	user  string
	asked []Asked
	whose []int // of the prefixes: the index of the page
	own   []int // of the pages: the bytes of their entries
	bits  int   // a block has so many numbers, as a power of two

	found  []Found
	cost   int  // of what was read
	n      int  // records that were
	coarse bool // some were asked for by blocks of more than 16 numbers
	left   int  // bytes for tags and pins of what comes, beside the entries
	pages  int  // that come and have entries
	has    bool // an entry fits already

	// Of the page that is read.
	page   int
	of     []ofMessage // in the order in which they were read
	size   int         // their bytes
	prefix int         // of the newest of them
	block  int         // where it begins in of
	over   bool        // some did not fit
}

// load reads the tags and shortens the pages.
func (l *loading) load(ctx context.Context, records journal.Records) (err error) {
	for _, a := range l.asked {
		n := 0
		for e := range a.Page.Entries {
			n += wire.JSONSize(&a.Page.Entries[e])
		}
		l.own, l.left = append(l.own, n), l.left-n
		l.pages += min(n, 1)
	}
	prefixes := l.prefixes()
	for from := 0; from < len(prefixes); {
		err = records.ScanMany(ctx, prefixes[from:], func(p int, r journal.Record) error { return l.add(from+p, r) })
		if !errors.Is(err, errEnd) {
			break
		}
		err = nil
		for from < len(prefixes) && l.whose[from] <= l.page { // that page is done
			from++
		}
	}
	if err == nil {
		l.goTo(len(l.asked))
	}
	return err
}

// fewRecords are read of blocks of 256 numbers, which are few: they may be those of other messages.
const fewRecords = 1000

var errMany = errors.New("there are many")

// prefixes returns what the keys begin with that are read: of few messages the keys of each
// one, and of many those of blocks of numbers, in the direction of reading.
func (l *loading) prefixes() (prefixes []string) {
	for i, a := range l.asked {
		if a.Pins {
			prefixes = append(prefixes, pinsKey(a.Room))
		}
		begin := len(prefixes)
		var tagged []journal.Seq
		for _, e := range a.Page.Entries {
			if isTagged(e) {
				tagged = append(tagged, e.Seq)
			}
		}
		if len(tagged) <= fewMessages {
			for _, seq := range tagged {
				prefixes = append(prefixes, messageKey(a.Room, seq))
			}
		} else {
			first, last, bits := tagged[0], tagged[len(tagged)-1], l.bits
			if last-first < 32 {
				bits = 4
			}
			l.coarse = l.coarse || bits > 4
			for b := first >> bits; b <= last>>bits; b++ {
				prefixes = append(prefixes, fmt.Sprintf("%s%0*x", roomKey(a.Room), 16-bits/4, uint64(b)))
			}
		}
		if a.Backward {
			slices.Reverse(prefixes[begin:])
		}
		for len(l.whose) < len(prefixes) {
			l.whose = append(l.whose, i)
		}
	}
	return prefixes
}

// fewMessages are looked for one by one.
const fewMessages = 4

// add takes a record. errEnd ends the scan of this page.
func (l *loading) add(prefix int, r journal.Record) error {
	if l.cost += recordCost + len(r.Value); l.n == fewRecords && l.coarse {
		return errMany
	}
	l.n++
	l.goTo(l.whose[prefix])
	a := &l.asked[l.page]
	if seq, ok := parsePin(a.Room, r); ok {
		l.found[l.page].Pins = append(l.found[l.page].Pins, seq)
		l.left -= pinSize
		return nil
	}
	t, ok := parse(a.Room, r)
	at, there := slices.BinarySearchFunc(a.Page.Entries, t.seq, bySeq)
	if !ok || !there || !isTagged(a.Page.Entries[at]) {
		return nil
	}
	if n := len(l.of); n == 0 || l.of[n-1].seq != t.seq {
		if !l.makePlace(prefix) {
			return errEnd
		}
		l.of = append(l.of, ofMessage{seq: t.seq})
	}
	l.size += l.of[len(l.of)-1].add(t, l.user)
	return nil
}

// part is how many bytes the page may have. It is never less than its entries have.
func (l *loading) part() int { return l.own[l.page] + max(l.left, 0)/max(l.pages, 1) }

// makePlace is called before the first tag of a message, whose key begins with a prefix. It returns
// false if the message cannot fit, nor any that is read later: what comes before it is larger than
// the part. It forgets those of which it finds the same now.
func (l *loading) makePlace(prefix int) bool {
	if !l.asked[l.page].Backward || prefix != l.prefix {
		l.prefix, l.block = prefix, len(l.of)
		return !l.over && l.size <= l.part()
	}
	for l.block < len(l.of) && l.size-l.of[l.block].size > l.part() { // within a block the older ones come first
		l.size -= l.of[l.block].size
		l.of, l.over = slices.Delete(l.of, l.block, l.block+1), true
	}
	return true
}

// goTo ends pages until it is at the one with an index.
func (l *loading) goTo(page int) {
	for ; l.page < page; l.page++ {
		l.end(&l.asked[l.page], &l.found[l.page])
		l.of, l.size, l.prefix, l.block, l.over = nil, 0, 0, 0, false
	}
}

// end keeps the entries of a page that fit, with their tags.
func (l *loading) end(a *Asked, f *Found) {
	entries := a.Page.Entries
	if len(entries) == 0 {
		return
	}
	n, size, part := 0, 0, l.part()
	l.pages--
	for ; n < len(entries); n++ {
		e := &entries[n]
		if a.Backward {
			e = &entries[len(entries)-1-n]
		}
		of := l.find(e.Seq)
		more := wire.JSONSize(e)
		if of != nil {
			more += of.size
		}
		if fits := size+more <= part || n == 0 && (!l.has || more <= l.own[l.page]+l.left); !fits {
			a.Page.More = true
			break
		}
		l.has = true
		if size += more; of != nil {
			if f.Tags == nil {
				f.Tags = OfPage{}
			}
			f.Tags[e.Seq] = of.tags()
		}
	}
	l.left += l.own[l.page] - size
	if a.Backward {
		a.Page.Entries = entries[len(entries)-n:]
	} else {
		a.Page.Entries = entries[:n]
	}
}

func (l *loading) find(seq journal.Seq) *ofMessage {
	for i := range l.of {
		if l.of[i].seq == seq {
			return &l.of[i]
		}
	}
	return nil
}
