package ingest

import (
	"context"

	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

// start reads, once, what a poller must know before it polls.
func (p *Poller) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready {
		return nil
	}
	p.ready = true
	return nil
}

func (p *Poller) orphan(id string) (warc.Loc, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	loc, ok := p.late[id]
	return loc, ok
}

func (p *Poller) fromArchive(src schemas.Source, d *draft, loc warc.Loc) bool { return false }
