package ingest

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"
)

// gate lets one request at a time through to a host, with a pause between two. A
// host is scheme, name and port.
type gate struct {
	mu    sync.Mutex
	hosts map[string]*host
}

type host struct {
	turn    chan struct{} // holds one value while the host is free
	free    time.Time     // when the next request may begin; owned by who has the turn
	waiting int           // guarded by gate.mu
}

func newGate() *gate { return &gate{hosts: map[string]*host{}} }

// hostKey names the host of an address.
func hostKey(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// enter waits for the turn. leave must be called once.
func (g *gate) enter(ctx context.Context, key string, pause time.Duration) (leave func(), err error) {
	g.mu.Lock()
	h := g.hosts[key]
	if h == nil {
		g.sweep()
		h = &host{turn: make(chan struct{}, 1)}
		h.turn <- struct{}{}
		g.hosts[key] = h
	}
	h.waiting++
	g.mu.Unlock()
	done := func() {
		g.mu.Lock()
		h.waiting--
		g.mu.Unlock()
	}
	select {
	case <-h.turn:
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
	if wait := time.Until(h.free); wait > 0 && pause > 0 {
		t := time.NewTimer(min(wait, pause))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			h.turn <- struct{}{}
			done()
			return nil, ctx.Err()
		}
	}
	return func() {
		h.free = time.Now().Add(pause)
		h.turn <- struct{}{}
		done()
	}, nil
}

// sweep forgets hosts that nobody waits for and whose pause is over, once there
// are many. It is called with mu held.
func (g *gate) sweep() {
	if len(g.hosts) < 4096 {
		return
	}
	for k, h := range g.hosts {
		if h.waiting > 0 {
			continue
		}
		select {
		case <-h.turn:
			if time.Now().After(h.free) {
				delete(g.hosts, k)
			}
			h.turn <- struct{}{}
		default:
		}
	}
}
