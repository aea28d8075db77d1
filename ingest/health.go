package ingest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"example.org/veille/ingest/feed"
	"example.org/veille/schemas"
)

// fail notes a poll that came to nothing, and when to try again: after 10 minutes,
// then twice as long each time, up to a day. It never gives up.
func (p *Poller) fail(st *schemas.SourceState, now time.Time, reason, text string) {
	st.Fails++
	st.Reason, st.Error = reason, cut(text, 300)
	st.Until = time.Time{}
	back := min(10*time.Minute<<min(st.Fails-1, 8), 24*time.Hour)
	st.Every = back
	st.Next = now.Add(spread(back))
	switch {
	case st.Fails >= 3 && now.Sub(latest(st.OK, st.Since)) >= 24*time.Hour,
		st.Fails >= 2 && reason == "not_found",
		st.Fails >= 6:
		st.State = schemas.SourceDown
	case st.State != schemas.SourceDown && st.State != schemas.SourceBlocked:
		st.State = schemas.SourceDegraded
	}
}

// well notes a poll that went well and sets the next one, which comes earlier when
// pages are to be tried again.
func (p *Poller) well(st *schemas.SourceState, now time.Time, src schemas.Source, retry time.Time) {
	st.Fails, st.Reason, st.Error, st.Stopped = 0, "", "", false
	st.OK = now
	if src.Every > 0 {
		st.Every = src.Every
	} else if st.Every <= 0 || st.Every > p.opt.MaxEvery {
		st.Every = p.opt.MaxEvery / 6
	}
	if idle := now.Sub(st.Newest) / 10; src.Every == 0 && !st.Newest.IsZero() { // a feed that has paused is asked less
		st.Every = max(st.Every, min(idle, p.opt.MaxEvery))
	}
	if st.ETag == "" && st.LastModified == "" && src.Every == 0 {
		st.Every = max(st.Every, time.Hour) // each poll costs the server the whole feed
	}
	st.Next = now.Add(spread(st.Every))
	if early := latest(retry, now.Add(p.opt.MinEvery)); !retry.IsZero() && early.Before(st.Next) {
		st.Next = early
	}
	st.Next = latest(st.Next, st.Until)
	silent := max(30*24*time.Hour, 20*rhythm(*st))
	switch {
	case st.Items == 0:
		st.State = schemas.SourceSilent
	case !st.Newest.IsZero() && now.Sub(st.Newest) > silent:
		st.State = schemas.SourceSilent
	case slices.ContainsFunc(st.Alarms, func(a string) bool { return a == gapAlarm || a == driftShort || a == driftMixed || a == driftDates }):
		st.State = schemas.SourceDegraded
	default:
		st.State = schemas.SourceUp
	}
}

func rhythm(st schemas.SourceState) time.Duration { return st.Rhythm }

// spread moves a time by up to a tenth, so that feeds read at one start part ways.
func spread(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d/10)+1)) // later only: never before what was promised
}

const gapAlarm = "items were missed: two polls in a row shared none"

// pace sets the interval from the feed's own rhythm: half the usual time between
// two items, and at most a quarter of the time the feed's window covers, so that
// nothing falls out of it unseen.
func (p *Poller) pace(st *schemas.SourceState, items []feed.Item, gap bool) {
	var at []time.Time
	for _, it := range items {
		if !it.Published.Time.IsZero() && !it.Published.Time.After(p.now().Add(time.Hour)) {
			at = append(at, it.Published.Time)
		}
	}
	slices.SortFunc(at, func(a, b time.Time) int { return b.Compare(a) })
	every := st.Every
	if len(at) >= 3 {
		recent := at[:min(len(at), 20)]
		st.Rhythm = recent[0].Sub(recent[len(recent)-1]) / time.Duration(len(recent)-1)
		every = st.Rhythm / 2
		if window := at[0].Sub(at[len(at)-1]); window > 0 {
			every = min(every, window/4)
		}
		// A feed that has paused is not asked at its old pace for ever.
		if idle := p.now().Sub(at[0]) / 10; idle > every {
			every = idle
		}
	} else if every <= 0 {
		every = time.Hour
	}
	st.Alarms = without(st.Alarms, gapAlarm)
	if gap {
		st.Gaps++
		st.Alarms = append([]string{gapAlarm}, st.Alarms...)
		every = min(every, max(st.Every, p.opt.MinEvery)/2)
	}
	st.Every = min(max(every, p.opt.MinEvery), p.opt.MaxEvery)
}

// ledgerDays is how many days of its ledger a source keeps.
const ledgerDays = 31

// entry is the ledger of a day, which is made when it is missing.
func entry(bk *book, day string) *schemas.Ledger {
	i, ok := slices.BinarySearchFunc(bk.Ledger, day, func(l schemas.Ledger, d string) int {
		switch {
		case l.Day < d:
			return -1
		case l.Day > d:
			return 1
		}
		return 0
	})
	if !ok {
		bk.Ledger = slices.Insert(bk.Ledger, i, schemas.Ledger{Day: day})
		if n := len(bk.Ledger) - ledgerDays; n > 0 && i >= n {
			bk.Ledger = slices.Clone(bk.Ledger[n:])
			i -= n
		}
	}
	return &bk.Ledger[i]
}

// tally moves one item of a day from one outcome to another; from is empty for an
// item that is listed for the first time.
func tally(bk *book, day, from, to string) {
	l := entry(bk, day)
	if from == "" {
		l.Listed++
	} else {
		bump(l, from, -1)
	}
	bump(l, to, 1)
}

func bump(l *schemas.Ledger, outcome string, n int) {
	kind, why := outcome, ""
	if i := len("refused:"); len(outcome) > i && outcome[:i] == "refused:" {
		kind, why = "refused", outcome[i:]
	} else if i := len("failed:"); len(outcome) > i && outcome[:i] == "failed:" {
		kind, why = "failed", outcome[i:]
	}
	add := func(m *map[string]int) {
		if *m == nil {
			*m = map[string]int{}
		}
		if (*m)[why] += n; (*m)[why] == 0 {
			delete(*m, why)
		}
	}
	switch kind {
	case "indexed":
		l.Indexed += n
	case "duplicate":
		l.Duplicate += n
	case "pending":
		l.Pending += n
	case "refused":
		add(&l.Refused)
	case "failed":
		add(&l.Failed)
	default:
		panic(fmt.Sprintf("unreachable: outcome %q", outcome))
	}
}

// quantile of sorted values, by nearest rank.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return v[min(int(q*float64(len(v))), len(v)-1)]
}
