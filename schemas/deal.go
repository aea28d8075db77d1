package schemas

import "time"

// Deal is one agreement: the signals of its articles, gathered.
//
// Its status follows the newest statement; a rumour that repeats an announced
// deal does not move it back. History is the life-line, oldest first, the same
// whatever the order in which the articles arrived.
type Deal struct {
	ID        string     `json:"id"`
	Rev       int        `json:"rev"` // counts its changes; a state with a lower one is older
	Type      string     `json:"type"`
	Status    string     `json:"status"`
	Parties   []Party    `json:"parties"`
	Products  []string   `json:"products"`
	Territory []string   `json:"territory"`
	Amount    *Amount    `json:"amount,omitempty"`
	First     time.Time  `json:"first"`   // published time of the first article
	Updated   time.Time  `json:"updated"` // published time of the statement that set Status
	Seen      time.Time  `json:"seen"`    // when veille first saw it
	History   []Change   `json:"history"`
	Evidence  []Evidence `json:"evidence"` // oldest first
	Outlets   int        `json:"outlets"`  // independent outlets that carried it
	Langs     []string   `json:"langs"`
	Score     float64    `json:"confidence"` // of its surest signal
}

// Change is one step of a deal's life-line.
type Change struct {
	Status  string    `json:"status"`
	At      time.Time `json:"at"`
	Article string    `json:"article"`
	Source  string    `json:"source"`
}

// Evidence is one signal of a deal with where it stands.
type Evidence struct {
	Article   string    `json:"article"`
	Source    string    `json:"source"`
	Outlet    string    `json:"outlet"`
	URL       string    `json:"url"`
	Lang      string    `json:"lang"`
	Title     string    `json:"title"`
	Published time.Time `json:"published"`
	Seen      time.Time `json:"seen"`
	Signal    Signal    `json:"signal"`
	Also      []Copy    `json:"also,omitempty"`
}

// DealEvents are the kinds of [DealEvent], as their subject token. "corroborated"
// is one more outlet, "revised" any other change of what is known, such as a
// correction.
var DealEvents = []string{"new", "status", "value", "corroborated", "revised", "merged", "retracted"}

// DealEvent tells that a deal is new or changed. Deal is its state afterwards.
type DealEvent struct {
	Kind string `json:"kind"`
	From string `json:"from,omitempty"` // status before, for kind "status"
	Into string `json:"into,omitempty"` // surviving deal, for kind "merged"
	Deal Deal   `json:"deal"`
}

// Gone tells whether the event takes the deal away.
func (e DealEvent) Gone() bool { return e.Kind == "merged" || e.Kind == "retracted" }
