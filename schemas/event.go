package schemas

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is a CloudEvents 1.0 envelope in structured JSON, the form in which every
// message of veille travels. ID is made from content and doubles as Nats-Msg-Id.
type Event struct {
	SpecVersion string          `json:"specversion"` // "1.0"
	ID          string          `json:"id"`
	Source      string          `json:"source"` // "/veille"
	Type        string          `json:"type"`   // one of the Type constants
	Subject     string          `json:"subject,omitempty"`
	Time        time.Time       `json:"time"`
	ContentType string          `json:"datacontenttype,omitempty"`
	DataSchema  string          `json:"dataschema,omitempty"`
	Data        json.RawMessage `json:"data"`
}

// Event types. The last token is the major version of the data's schema.
const (
	TypeArticle    = "io.veille.article.v1"
	TypeExtraction = "io.veille.extraction.v1"
	TypeDeal       = "io.veille.deal.v1"
	TypePrice      = "io.veille.price.v1"
	TypeAlert      = "io.veille.alert.v1"
	TypeDead       = "io.veille.dead.v1"
	TypeSource     = "io.veille.source.v1"
)

// NewEvent wraps data for the wire.
func NewEvent(typ, id, subject string, at time.Time, data any) (Event, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("encode %s %s: %w", typ, id, err)
	}
	return Event{
		SpecVersion: "1.0", ID: id, Source: "/veille", Type: typ, Subject: subject,
		Time: at.UTC(), ContentType: "application/json", Data: body,
	}, nil
}

// DecodeEvent reads an envelope and refuses one that is none, or of another type
// than want; an empty want takes any.
func DecodeEvent(body []byte, want string) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("decode event: %w", err)
	}
	switch {
	case e.SpecVersion != "1.0":
		return e, fmt.Errorf("decode event: specversion %q, want 1.0", e.SpecVersion)
	case e.ID == "":
		return e, fmt.Errorf("decode event: no id")
	case want != "" && e.Type != want:
		return e, fmt.Errorf("decode event %s: type %q, want %q", e.ID, e.Type, want)
	case len(e.Data) == 0:
		return e, fmt.Errorf("decode event %s: no data", e.ID)
	}
	return e, nil
}

// Into decodes the event's data.
func (e Event) Into(v any) error {
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("decode data of event %s: %w", e.ID, err)
	}
	return nil
}

// Dead is a message that no handler could take, kept with its bytes.
type Dead struct {
	Stage   string    `json:"stage"`  // durable consumer that refused it
	Stream  string    `json:"stream"` // where it came from
	Seq     uint64    `json:"seq"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Tries   uint64    `json:"tries"`
	Subject string    `json:"subject"`
	Body    []byte    `json:"body"` // as received
}
