package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"example.org/veille/schemas"
)

// nouns are the types that travel or are returned, by file name.
var nouns = map[string]reflect.Type{
	"article":    reflect.TypeFor[schemas.Article](),
	"extraction": reflect.TypeFor[schemas.Extraction](),
	"deal":       reflect.TypeFor[schemas.Deal](),
	"deal-event": reflect.TypeFor[schemas.DealEvent](),
	"price":      reflect.TypeFor[schemas.Price](),
	"dead":       reflect.TypeFor[schemas.Dead](),
	"alert":      reflect.TypeFor[schemas.Alert](),
	"delivery":   reflect.TypeFor[schemas.Delivery](),
	"event":      reflect.TypeFor[schemas.Event](),
}

// closed are the fields whose values form a closed set.
var closed = map[string][]string{
	"extraction.signals.type":   schemas.Types,
	"extraction.signals.status": schemas.Statuses,
	"extraction.prices.kind":    schemas.PriceKinds,
	"deal.type":                 schemas.Types,
	"deal.status":               schemas.Statuses,
	"deal-event.kind":           schemas.DealEvents,
	"price.kind":                schemas.PriceKinds,
}

// Files makes the schemas, by file name. Unknown fields are allowed: a reader of
// today must take the messages of tomorrow.
func Files() (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, typ := range nouns {
		s, err := jsonschema.ForType(typ, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
			reflect.TypeFor[time.Time]():       {Type: "string", Format: "date-time"},
			reflect.TypeFor[json.RawMessage](): {},
			reflect.TypeFor[[]byte]():          {Type: "string", ContentEncoding: "base64"},
		}})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		open(name, s)
		s.Schema = "https://json-schema.org/draft/2020-12/schema"
		s.ID = "https://veille.example/schemas/" + name + ".v1.json"
		s.Title = typ.Name()
		if out[name+".schema.json"], err = indent(s); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

// open lets unknown fields pass at every depth and adds the closed sets.
func open(path string, s *jsonschema.Schema) {
	if s == nil {
		return
	}
	s.AdditionalProperties = nil
	if set := closed[path]; set != nil {
		s.Enum = nil
		for _, v := range set {
			s.Enum = append(s.Enum, v)
		}
	}
	for k, p := range s.Properties {
		open(path+"."+k, p)
	}
	open(path, s.Items)
}
