package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// pingEvery is how often a quiet stream shows that it is alive.
const pingEvery = 15 * time.Second

// streamEvent is the data of one event.
type streamEvent struct {
	Kind string    `json:"kind" jsonschema:"new, status, value, corroborated, revised, merged or retracted"`
	From string    `json:"from,omitempty" jsonschema:"status before"`
	Into string    `json:"into,omitempty" jsonschema:"surviving deal"`
	Time time.Time `json:"time"`
	Deal dealRow   `json:"deal"`
}

// streamPrice is the data of one event "price.new".
type streamPrice struct {
	Time  time.Time `json:"time"`
	Price priceRow  `json:"price"`
}

// stream sends the events of deals that match, as they happen, or prices. A client that comes
// back with the last id it saw gets what it missed; where the log no longer holds
// all of that, an event "gap" says so first.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q, err := s.parse(v.Get("q"))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	var kinds []string
	if e := v.Get("events"); e != "" {
		kinds = strings.Split(e, ",")
	}
	tail, newest, made := s.opt.Tail, s.opt.Tip, s.streamed
	if slices.Contains(kinds, priceNew) {
		if len(kinds) > 1 {
			s.problem(w, r, wrong("events", priceNew+" vient d’un autre journal que les accords, avec ses propres numéros : un flux à lui seul.", priceNew+" comes from another log than the deals, with numbers of its own: ask for it alone."))
			return
		}
		tail, newest, made = s.opt.TailPrices, s.opt.TipPrices, s.streamedPrice
	}
	if tail == nil {
		s.problem(w, r, fail("conflict", "Ce processus ne suit pas ce journal.", "This process does not follow that log."))
		return
	}
	name, last := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if last == "" {
		name, last = "since", v.Get("since")
	}
	var after uint64
	if last != "" {
		if after, err = strconv.ParseUint(last, 10, 63); err != nil {
			s.problem(w, r, wrong(name, name+" est l’id d’un événement, un nombre.", name+" is the id of an event, a number."))
			return
		}
	}
	release, ok := s.limits.stream(clientOf(r), s.opt.Now(), s.opt.Streams)
	if !ok {
		w.Header().Set("Retry-After", "30")
		s.problem(w, r, fail("rate-limited", fmt.Sprintf("%d flux par adresse au plus.", s.opt.Streams), fmt.Sprintf("%d streams for one address at most.", s.opt.Streams)))
		return
	}
	defer release()
	var tip uint64
	if newest != nil {
		if tip, err = newest(r.Context()); err != nil {
			s.problem(w, r, err)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	out := &eventWriter{w: w, ctl: http.NewResponseController(w)}
	// The server's time limits are for requests; a stream has its own, per event.
	_ = out.ctl.SetReadDeadline(time.Time{})
	if err := out.raw("retry: 3000\n\n"); err != nil {
		return
	}
	resumed := last != ""
	switch {
	case !resumed:
		after = tip
	case newest != nil && after > tip:
		// The log is another one than the client knew.
		if err := out.gap(after, tip+1); err != nil {
			return
		}
		after, resumed = tip, false
	}

	type item struct {
		seq uint64
		e   schemas.Event
	}
	ctx, cancel := context.WithCancel(r.Context())
	items, ended := make(chan item), make(chan error, 1)
	go func() {
		ended <- tail(ctx, after, func(seq uint64, e schemas.Event) error {
			select {
			case items <- item{seq, e}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	finished := false
	defer func() {
		cancel()
		if !finished {
			<-ended
		}
	}()
	plan := query.Compile(q, index.Analyze)
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for expect := after + 1; ; {
		select {
		case err := <-ended:
			finished = true
			if err != nil && !errors.Is(err, context.Canceled) {
				s.lg.Warn("stream", "request_id", requestIDOf(r.Context()), "err", err)
			}
			return // the client comes back with its last id
		case <-ping.C:
			// The id goes along, so that a client which waits for rare events does not
			// come back with one that the log has dropped meanwhile.
			if out.raw(fmt.Sprintf("id: %d\n: ping\n\n", expect-1)) != nil {
				return
			}
		case it := <-items:
			if resumed && it.seq > expect {
				if out.gap(expect-1, it.seq) != nil {
					return
				}
			}
			resumed, expect = false, it.seq+1
			name, data, ok := made(it.e, plan, kinds)
			if ok && out.event(it.seq, name, data) != nil {
				return
			}
			ping.Reset(pingEvery)
		}
	}
}

// streamed makes an event of a message, unless the client did not ask for it.
func (s *Server) streamed(e schemas.Event, plan *query.Plan, kinds []string) (name string, data []byte, ok bool) {
	var d schemas.DealEvent
	if e.Type != schemas.TypeDeal || e.Into(&d) != nil {
		return "", nil, false
	}
	name = "deal." + d.Kind
	if kinds != nil && !slices.Contains(kinds, name) {
		return "", nil, false
	}
	doc := query.NewDoc(query.DealRecord(d.Deal, s.trades), index.Analyze)
	if !plan.Match(doc, s.opt.Now()) {
		return "", nil, false
	}
	data, err := json.Marshal(streamEvent{Kind: d.Kind, From: d.From, Into: d.Into, Time: e.Time, Deal: newDealRow(d.Deal)})
	return name, data, err == nil
}

// priceNew is the one kind of event of prices.
const priceNew = "price.new"

// streamedPrice makes an event of a message of the log of prices.
func (s *Server) streamedPrice(e schemas.Event, plan *query.Plan, _ []string) (name string, data []byte, ok bool) {
	var p index.PriceHit
	if e.Type != schemas.TypePrice || e.Into(&p) != nil {
		return "", nil, false
	}
	doc := query.NewDoc(query.PriceRecord(p.Price, p.Article, s.trades), index.Analyze)
	if !plan.Match(doc, s.opt.Now()) {
		return "", nil, false
	}
	data, err := json.Marshal(streamPrice{Time: e.Time, Price: newPriceRow(p)})
	return priceNew, data, err == nil
}

// trades tells what a vendor does and where, for the field kind.
func (s *Server) trades(id string) ([]string, string) {
	v, _ := s.opt.Catalogue.Vendor(id) // no kinds when unknown
	return v.Kinds, v.Country
}

// eventWriter writes server-sent events, each flushed.
type eventWriter struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
}

func (o *eventWriter) raw(text string) error {
	_ = o.ctl.SetWriteDeadline(time.Now().Add(writeTime)) // not all writers have one
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.ctl.Flush()
}

func (o *eventWriter) event(id uint64, name string, data []byte) error {
	return o.raw(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", id, name, data))
}

// gap tells that the events after one id and before another are gone. Its own id is
// the last that is gone, so that a client which breaks off here goes on from there.
func (o *eventWriter) gap(after, next uint64) error {
	return o.event(next-1, "gap", fmt.Appendf(nil, `{"after":%d,"next":%d}`, after, next))
}
