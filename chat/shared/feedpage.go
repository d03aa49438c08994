package shared

import "github.com/caddychat/caddy-chat/chat/journal"

// place is where an entry is in the feed.
type place struct {
	room     string
	seq      journal.Seq
	position journal.Position
}

// placesOf returns the places of rows behind a position, up to the row last, at most limit: then cut says
// whether there are more.
func placesOf(rows []Row, after journal.Position, last uint64, limit int) (places []place, cut bool) {
	for _, row := range rows {
		if row.Number > last {
			break
		}
		position := LastOf(row.Number - 1)
		for _, r := range row.Ranges {
			for seq := r.Lo; seq <= r.Hi; seq++ {
				position++
				if position <= after {
					continue
				}
				if len(places) == limit {
					return places, true
				}
				places = append(places, place{r.Room, seq, position})
			}
		}
	}
	return places, false
}

// rangesOf are the ranges that places are in.
func rangesOf(places []place) (ranges []Range) {
	for _, p := range places {
		if n := len(ranges) - 1; n >= 0 && ranges[n].Room == p.room && ranges[n].Hi+1 == p.seq {
			ranges[n].Hi = p.seq
			continue
		}
		ranges = append(ranges, Range{p.room, p.seq, p.seq})
	}
	return ranges
}

// fillPage puts the entries of places into a page, and what is missing. Without all, the page ends
// with the last entry.
func fillPage(page *journal.FeedPage, places []place, entries []journal.Entry, all bool) {
	found := map[journal.Position]journal.Entry{}
	end := journal.Position(0)
	for _, e := range entries {
		found[e.Position] = e
		end = max(end, e.Position)
	}
	for _, p := range places {
		if !all && p.position > end {
			return
		}
		page.Next = p.position
		if e, kept := found[p.position]; kept {
			page.Entries = append(page.Entries, e)
			continue
		}
		if n := len(page.Missing) - 1; n >= 0 && page.Missing[n].Room == p.room && page.Missing[n].To+1 == p.seq {
			page.Missing[n].To = p.seq
			continue
		}
		page.Missing = append(page.Missing, journal.Missing{Room: p.room, From: p.seq, To: p.seq})
	}
}

// behindOf is what is still to be read of ranges, of which entries were read: nothing if there
// were none, because they are no longer kept.
func behindOf(ranges []Range, entries []journal.Entry) []Range {
	if len(entries) == 0 {
		return nil
	}
	last := entries[len(entries)-1]
	for i, r := range ranges {
		if r.Room == last.Room && r.Lo <= last.Seq && last.Seq <= r.Hi {
			if rest := ranges[i:]; last.Seq < r.Hi {
				rest[0].Lo = last.Seq + 1
				return rest
			}
			return ranges[i+1:]
		}
	}
	return nil
}
