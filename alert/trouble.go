package alert

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"example.org/veille/alert/channel"
)

// probeEvery is how often the outbox is written to when nothing else is: a full
// disk is then said before it has cost a message.
const probeEvery = 15 * time.Second

const probeKey = "m.probe"

// probeSize is more than a page of a file: what is left of one may still be written
// on a disk without room.
const probeSize = 8 << 10

// trouble is why the outbox cannot be written.
type trouble struct {
	since time.Time
	why   string
}

// wrote notes whether the outbox could be written.
func (n *Notifier) wrote(err error) {
	was := n.trouble.Load()
	switch {
	case err == nil && was != nil:
		n.trouble.Store(nil)
		n.lg.Warn("the outbox of the alerts can be written again", "after", n.opt.Now().Sub(was.since).Round(time.Second))
	case err != nil && was == nil:
		n.trouble.Store(&trouble{n.opt.Now(), channel.Plain(err.Error(), 160)})
		n.lg.Error("the outbox of the alerts cannot be written: nothing is sent until it can, and nothing is lost", "err", err)
	}
}

// Trouble says in French and in English that the outbox cannot be written, as on a
// full disk; both are empty when it can.
func (n *Notifier) Trouble() (fr, en string) {
	t := n.trouble.Load()
	if t == nil {
		return "", ""
	}
	at := t.since.UTC().Format("2006-01-02 15:04")
	fr = fmt.Sprintf("Depuis le %s UTC, la boîte d’envoi ne peut plus être écrite (%s). Rien ne part qui n’y soit inscrit, et rien n’est perdu. Le disque est-il plein ? Faites de la place, puis relancez veille si ce message reste.", at, t.why)
	en = fmt.Sprintf("Since %s UTC the outbox cannot be written (%s). Nothing is sent that is not in it, and nothing is lost. Is the disk full? Make room, then start veille again if this message stays.", at, t.why)
	return fr, en
}

// probe writes to the outbox now and then, until ctx ends.
func (n *Notifier) probe(ctx context.Context) {
	body := make([]byte, probeSize)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(probeEvery):
		}
		_, _ = rand.Read(body) // it never fails; blocks are compressed
		write, cancel := context.WithTimeout(ctx, probeEvery*2/3)
		_, err := n.opt.Deliveries.Put(write, probeKey, body)
		cancel()
		if ctx.Err() == nil {
			n.wrote(err)
		}
	}
}
