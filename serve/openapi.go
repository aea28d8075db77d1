package serve

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"example.org/veille/index"
	"example.org/veille/schemas"
)

// object is a piece of a JSON document.
type object = map[string]any

// components are the types that the description names; what they are made of is
// written out within them.
var components = map[reflect.Type]string{
	reflect.TypeFor[dealRow]():           "Deal",
	reflect.TypeFor[evidenceRow]():       "Evidence",
	reflect.TypeFor[sentenceRow]():       "Sentence",
	reflect.TypeFor[articleRow]():        "Article",
	reflect.TypeFor[priceRow]():          "Price",
	reflect.TypeFor[vendorRow]():         "Vendor",
	reflect.TypeFor[vendorPage]():        "VendorPage",
	reflect.TypeFor[pairPage]():          "Pair",
	reflect.TypeFor[point]():             "Point",
	reflect.TypeFor[statsBody]():         "Stats",
	reflect.TypeFor[graphBody]():         "Graph",
	reflect.TypeFor[suggestBody]():       "Suggestions",
	reflect.TypeFor[explainRequest]():    "ExplainRequest",
	reflect.TypeFor[explainBody]():       "Explanation",
	reflect.TypeFor[expression]():        "Expression",
	reflect.TypeFor[SourceStatus]():      "Source",
	reflect.TypeFor[sourcesBody]():       "Sources",
	reflect.TypeFor[statusInfo]():        "Status",
	reflect.TypeFor[streamEvent]():       "StreamEvent",
	reflect.TypeFor[streamPrice]():       "StreamPrice",
	reflect.TypeFor[Problem]():           "Problem",
	reflect.TypeFor[asOf]():              "AsOf",
	reflect.TypeFor[pageInfo]():          "Page",
	reflect.TypeFor[queryInfo]():         "QueryEcho",
	reflect.TypeFor[facetBucket]():       "Bucket",
	reflect.TypeFor[index.Fragment]():    "Fragment",
	reflect.TypeFor[schemas.Party]():     "Party",
	reflect.TypeFor[schemas.Signal]():    "Signal",
	reflect.TypeFor[list[dealRow]]():     "DealList",
	reflect.TypeFor[list[sentenceRow]](): "SentenceList",
	reflect.TypeFor[list[articleRow]]():  "ArticleList",
	reflect.TypeFor[list[priceRow]]():    "PriceList",
	reflect.TypeFor[list[vendorRow]]():   "VendorList",
	reflect.TypeFor[sourceDraft]():       "SourceDraft",
	reflect.TypeFor[previewRequest]():    "PreviewRequest",
	reflect.TypeFor[schemas.Rule]():      "Rule",
	reflect.TypeFor[ruleDraft]():         "RuleDraft",
	reflect.TypeFor[savedRow]():          "SavedSearch",
	reflect.TypeFor[savedList]():         "SavedSearches",
}

// closed are members whose values form a closed set, by component.
var closed = map[string][]string{
	"Deal.type": schemas.Types, "Deal.status": schemas.Statuses,
	"Sentence.type": schemas.Types, "Sentence.status": schemas.Statuses,
	"Signal.type": schemas.Types, "Signal.status": schemas.Statuses,
	"Price.kind":       schemas.PriceKinds,
	"Expression.op":    {"and", "or", "not", "clause"},
	"Source.state":     schemas.SourceStates,
	"StreamEvent.kind": schemas.DealEvents,
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// openAPI describes every operation, from the same table that serves them.
func (s *Server) openAPI() object {
	comp := object{}
	for typ, name := range components {
		comp[name] = describe(typ, name)
	}
	comp["PartialList"] = partialList()
	paths := object{}
	for _, op := range s.ops {
		item, _ := paths[op.Path].(object)
		if item == nil {
			item = object{}
			paths[op.Path] = item
		}
		item[strings.ToLower(op.Method)] = op.describe()
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "veille", "version": first(s.opt.Version, "0"),
			"description": "Deals, articles and prices of the IT trade press, with the sentence that says so. Times are RFC 3339 in UTC, amounts are decimal strings, spans count bytes of UTF-8. Parameters that an operation does not have are errors. Lists of deals leave out mere reminders (status background) unless the query names the status. Reading is open from the machine itself; from elsewhere it takes a token.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas": comp,
			"responses": object{"Problem": object{"description": "An error, in French or English as Accept-Language asks. Also 401, 403, 421 for an unknown Host, 429 and 500.",
				"content": object{"application/problem+json": object{"schema": ref("Problem")}}}},
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
		"security": []any{object{}, object{"token": []any{}}},
	}
}

func (op operation) describe() object {
	var params []any
	for _, p := range op.Params {
		params = append(params, p.describe())
	}
	tag := "files"
	switch {
	case strings.HasPrefix(op.Path, "/api/"):
		tag = "api"
	case slices.Contains([]string{"/healthz", "/readyz", "/metrics"}, op.Path):
		tag = "health"
	}
	out := object{"operationId": op.ID, "summary": op.Summary, "tags": []any{tag}, "x-scope": string(op.Scope)}
	if params != nil {
		out["parameters"] = params
	}
	switch op.Scope {
	case scopeNone:
		out["security"] = []any{}
	case scopeAdmin, scopeAlerts:
		out["security"] = []any{object{"token": []any{string(op.Scope)}}}
	}
	if op.Body != nil {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": ref(components[op.Body])}}}
	} else if op.ID == "mcp" {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": object{"type": "object", "description": "a JSON-RPC 2.0 request"}}}}
	}
	responses := object{}
	for _, ok := range op.OK {
		code := strconv.Itoa(ok.Status)
		r, _ := responses[code].(object)
		if r == nil {
			r = object{"description": first(ok.Doc, http.StatusText(ok.Status))}
			responses[code] = r
		}
		if ok.Status == http.StatusMovedPermanently {
			r["headers"] = object{"Location": object{"schema": object{"type": "string"}}}
		}
		if ok.Type == "" {
			continue
		}
		content, _ := r["content"].(object)
		if content == nil {
			content = object{}
			r["content"] = content
		}
		content[ok.Type] = object{"schema": op.answer(ok)}
	}
	if op.Method == "GET" && !op.Fresh && !op.Flows {
		responses["304"] = object{"description": "Not changed since the entity tag in If-None-Match"}
	}
	for _, name := range op.Fails {
		code := strconv.Itoa(problemKindOf(name).status)
		r, _ := responses[code].(object)
		if r == nil {
			r = object{"description": problemKindOf(name).en, "content": object{"application/problem+json": object{"schema": ref("Problem")}}}
			responses[code] = r
			continue
		}
		r["description"] = r["description"].(string) + "; " + strings.ToLower(problemKindOf(name).en[:1]) + problemKindOf(name).en[1:]
	}
	responses["default"] = object{"$ref": "#/components/responses/Problem"}
	out["responses"] = responses
	return out
}

// answer is the schema of a body, with the shapes that its parameters can give it.
func (op operation) answer(ok reply) object {
	if ok.Body == nil {
		if ok.Type == "application/json" {
			return object{}
		}
		return object{"type": "string"}
	}
	full := ref(components[ok.Body])
	has := func(name string) bool {
		return slices.ContainsFunc(op.Params, func(p param) bool { return p.Name == name && p.In == "" })
	}
	shapes := []any{full}
	if has("fields") {
		shapes = append(shapes, ref("PartialList"))
	}
	if has("rows") {
		rows := object{"type": "array", "description": "with rows=1", "items": object{"type": "object"}}
		shapes = append(shapes, rows)
	}
	if len(shapes) == 1 {
		return full
	}
	return object{"anyOf": shapes}
}

func (p param) describe() object {
	schema := object{"type": "string"}
	switch {
	case p.Max > 0:
		schema = object{"type": "integer", "minimum": p.Min, "maximum": p.Max}
		if p.Default != "" {
			schema["default"] = number(nil, p)
		}
	case p.Enum != nil && p.List:
		schema = object{"type": "array", "uniqueItems": true, "items": object{"type": "string", "enum": p.Enum}}
	case p.Enum != nil:
		schema["enum"] = p.Enum
		if p.Default != "" {
			schema["default"] = p.Default
		}
	}
	out := object{"name": p.Name, "in": first(p.In, "query"), "description": p.Doc, "schema": schema}
	if p.In == "path" || p.Required {
		out["required"] = true
	}
	if p.List {
		out["style"], out["explode"] = "form", false
	}
	return out
}

// describe makes the schema of a component: other components in it are references.
func describe(typ reflect.Type, name string) *jsonschema.Schema {
	known := map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time]():         {Type: "string", Format: "date-time"},
		reflect.TypeFor[schemas.Cadence]():   {Type: "string", Description: "empty for at once, grouped 15m, daily 08:00 Europe/Paris, weekly monday 08:00 Europe/Paris"},
		reflect.TypeFor[schemas.Secret]():    {Type: "string", Description: "hidden in answers"},
		reflect.TypeFor[schemas.SecretURL](): {Type: "string", Description: "in answers its scheme and host only"},
	}
	within := embedded(typ)
	for t, n := range components {
		if t != typ && !slices.Contains(within, t) {
			known[t] = &jsonschema.Schema{Ref: "#/components/schemas/" + n}
		}
	}
	if typ == reflect.TypeFor[expression]() { // which contains itself
		type leaf struct {
			Op     string  `json:"op" jsonschema:"and, or, not or clause"`
			Field  string  `json:"field,omitempty"`
			Values []value `json:"values,omitempty"`
		}
		typ = reflect.TypeFor[leaf]()
	}
	sch, err := jsonschema.ForType(typ, &jsonschema.ForOptions{TypeSchemas: known})
	if err != nil {
		panic(fmt.Sprintf("describe %s: %v", name, err)) // unreachable: every component is tried by a test
	}
	tidy(sch)
	for member, p := range sch.Properties {
		if set := closed[name+"."+member]; set != nil {
			for _, v := range set {
				p.Enum = append(p.Enum, v)
			}
		}
	}
	switch name {
	case "RuleDraft": // what is left out takes its default
		sch.Required = []string{"name", "query"}
	case "Expression":
		sch.Properties["args"] = &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Ref: "#/components/schemas/Expression"}}
	case "Stats":
		sch.Properties["data"].Items = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Ref: "#/components/schemas/Point"},
			{Type: "object", Description: "with shape=wide", Required: []string{"time", "partial"},
				Properties:           map[string]*jsonschema.Schema{"time": {Type: "string", Format: "date-time"}, "partial": {Type: "boolean"}},
				AdditionalProperties: &jsonschema.Schema{Type: "number"}},
		}}
	}
	return sch
}

// embedded lists the types that are embedded in one, at any depth.
func embedded(typ reflect.Type) (out []reflect.Type) {
	if typ.Kind() != reflect.Struct {
		return nil
	}
	for i := range typ.NumField() {
		if f := typ.Field(i); f.Anonymous {
			out = append(append(out, f.Type), embedded(f.Type)...)
		}
	}
	return out
}

// tidy says what this server does: no list is ever null, and a reference that may
// be null says so in the way JSON Schema knows.
func tidy(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if slices.Equal(s.Types, []string{"null", "array"}) {
		s.Type, s.Types = "array", nil
	}
	if s.Ref != "" && slices.Contains(s.Types, "null") {
		s.OneOf = []*jsonschema.Schema{{Type: "null"}, {Ref: s.Ref}}
		s.Ref, s.Types = "", nil
	}
	for _, p := range s.Properties {
		tidy(p)
	}
	tidy(s.Items)
	if s.AdditionalProperties != nil && (s.AdditionalProperties.Type != "" || s.AdditionalProperties.Types != nil) {
		tidy(s.AdditionalProperties)
	}
}

// partialList is a list whose rows have only the members asked for.
func partialList() *jsonschema.Schema {
	s := describe(reflect.TypeFor[list[dealRow]](), "PartialList")
	s.Description = "with fields: rows have only the members that it names"
	s.Properties["data"] = &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "object"}}
	return s
}

// membersOf lists the members that the rows of a list may have.
func membersOf(rows any) []string {
	typ := reflect.TypeOf(rows)
	for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	out := []string{}
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" && f.IsExported() && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// asyncAPI describes the messages on NATS, for who reads them there.
func asyncAPI(version string) object {
	type channel struct {
		name, address, stream, doc string
		params                     map[string][]string
		event                      string // CloudEvents type
		body                       reflect.Type
	}
	channels := []channel{
		{"article", "veille.v1.article.{event}.{lang}.{source}", schemas.StreamArticles, "An article that was read, or read again after a change", map[string][]string{"event": {"new", "revised"}, "lang": nil, "source": nil}, schemas.TypeArticle, reflect.TypeFor[schemas.Article]()},
		{"extraction", "veille.v1.extraction.{lang}.{source}", schemas.StreamExtractions, "Everything found in one article; it replaces what was said of it before", map[string][]string{"lang": nil, "source": nil}, schemas.TypeExtraction, reflect.TypeFor[schemas.Extraction]()},
		{"deal", "veille.v1.deal.{event}.{type}.{partyA}.{partyB}", schemas.StreamDeals, "Exactly one message for each event of a deal; with more than two parties, partyB is multi", map[string][]string{"event": schemas.DealEvents, "type": schemas.Types, "partyA": nil, "partyB": nil}, schemas.TypeDeal, reflect.TypeFor[schemas.DealEvent]()},
		{"price", "veille.v1.price.{kind}.{currency}.{vendor}", schemas.StreamPrices, "An amount of money read from an article", map[string][]string{"kind": schemas.PriceKinds, "currency": nil, "vendor": nil}, schemas.TypePrice, reflect.TypeFor[schemas.Price]()},
		{"alert", "veille.v1.alert.{rule}", schemas.StreamAlerts, "An alert that was raised, once for each rule, deal and status", map[string][]string{"rule": nil}, schemas.TypeAlert, nil},
		{"dead", "veille.v1.dead.{stage}", schemas.StreamDead, "A message that a stage could not take, with its bytes", map[string][]string{"stage": nil}, schemas.TypeDead, reflect.TypeFor[schemas.Dead]()},
		{"source", "veille.v1.source.{state}.{source}", schemas.StreamOps, "A feed whose health changed", map[string][]string{"state": schemas.SourceStates, "source": nil}, schemas.TypeSource, nil},
	}
	out, messages, operations, bodies := object{}, object{}, object{}, object{}
	for _, c := range channels {
		params := object{}
		for _, name := range slices.Sorted(maps.Keys(c.params)) {
			p := object{"description": "a token of [a-z0-9_-]"}
			if set := c.params[name]; set != nil {
				p["enum"] = set
			}
			params[name] = p
		}
		body := object{"type": "object"}
		if c.body != nil {
			sch, err := jsonschema.ForType(c.body, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
				reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"},
				reflect.TypeFor[[]byte]():    {Type: "string", ContentEncoding: "base64"},
			}})
			if err != nil {
				panic(fmt.Sprintf("describe %s: %v", c.name, err)) // unreachable: every noun is tried by a test
			}
			loosen(sch)
			bodies[c.name] = sch
			body = object{"$ref": "#/components/schemas/" + c.name}
		}
		messages[c.name] = object{
			"name": c.event, "contentType": "application/cloudevents+json", "summary": c.doc,
			"headers": object{"type": "object", "properties": object{"Nats-Msg-Id": object{"type": "string", "description": "the id of the event, made from its content"}}},
			"payload": object{"type": "object", "required": []string{"specversion", "id", "source", "type", "time", "data"}, "properties": object{
				"specversion": object{"const": "1.0"}, "id": object{"type": "string"}, "source": object{"type": "string"}, "type": object{"const": c.event},
				"subject": object{"type": "string"}, "time": object{"type": "string", "format": "date-time"}, "data": body,
			}},
		}
		out[c.name] = object{"address": c.address, "parameters": params, "messages": object{c.name: object{"$ref": "#/components/messages/" + c.name}},
			"x-jetstream": object{"stream": c.stream, "ordered": true, "replay": "a consumer with DeliverByStartSequence reads the past again"}}
		operations["receive-"+c.name] = object{"action": "receive", "channel": object{"$ref": "#/channels/" + c.name}, "summary": c.doc}
	}
	return object{
		"asyncapi": "3.0.0",
		"info": object{"title": "veille", "version": first(version, "0"), "license": object{"name": "Apache-2.0"},
			"description": "Messages are CloudEvents 1.0 in structured JSON. A breaking change is published as v2 beside v1 for at least six months. Unknown members must be ignored."},
		"defaultContentType": "application/cloudevents+json",
		"channels":           out, "operations": operations,
		"components": object{"messages": messages, "schemas": bodies},
	}
}

// loosen lets readers of today take the messages of tomorrow.
func loosen(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	}
	for _, p := range s.Properties {
		loosen(p)
	}
	loosen(s.Items)
}
