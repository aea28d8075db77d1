package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	stdhtml "html"
	"strconv"
	"strings"
	"time"
)

// parseJSON reads JSON Feed 1.0 and 1.1. gofeed's reader gives up the whole document for one member of a wrong type, so
// the members are taken one by one here.
func parseJSON(f *front, src []byte, zone *time.Location) (Feed, error) {
	f.format = "json"
	clean, err := f.closeJSON(src)
	if err != nil {
		return Feed{}, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(clean, &doc); err != nil {
		return Feed{}, fmt.Errorf("%w: JSON: %s", ErrNotFeed, clip(err.Error(), 100))
	}
	version := text1(doc["version"])
	if _, ok := doc["items"]; !ok && !strings.Contains(version, "jsonfeed.org") {
		return Feed{}, fmt.Errorf("%w: JSON without items", ErrNotFeed)
	}
	f.version = version[strings.LastIndexByte(version, '/')+1:]
	a := adapter{front: f, zone: zone}
	feed := a.feed(text1(doc["feed_url"]), text1(doc["home_page_url"]), text1(doc["language"]))
	feed.Title = titleText(text1(doc["title"]))
	var hubs []map[string]json.RawMessage
	if json.Unmarshal(doc["hubs"], &hubs) == nil && len(hubs) > 0 {
		feed.Hub = a.absolute(a.base, text1(hubs[0]["url"]))
	}
	feedAuthor := jsonAuthors(doc)

	var items []json.RawMessage
	if raw := bytes.TrimSpace(doc["items"]); len(raw) > 0 && json.Unmarshal(raw, &items) != nil {
		f.note("items is not a list")
	}
	for _, raw := range items {
		if len(feed.Items) == MaxItems {
			feed.Truncated = true
			break
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil || m == nil {
			f.note("an item that is not an object left out")
			continue
		}
		o := Item{ID: text1(m["id"]), Title: titleText(text1(m["title"])), Language: first(strings.ToLower(text1(m["language"])), feed.Language)}
		links := []string{text1(m["url"]), text1(m["external_url"])}
		if looksAbsolute(o.ID) {
			links = append(links, o.ID)
		}
		o.Link = a.link(links)
		o.Published = a.date([]stated{{"date_published", text1(m["date_published"])}})
		o.Updated = a.date([]stated{{"date_modified", text1(m["date_modified"])}})
		o.Author = first(jsonAuthors(m), feedAuthor)
		var tags []json.RawMessage
		if json.Unmarshal(m["tags"], &tags) == nil {
			for _, t := range tags {
				o.Categories = category(o.Categories, text1(t))
			}
		}
		body := text1(m["content_html"])
		if strings.TrimSpace(body) == "" {
			body = paragraphs(text1(m["content_text"]))
		}
		a.content(&o, body, stdhtml.EscapeString(text1(m["summary"])))
		feed.Items = append(feed.Items, o)
	}
	feed.Items = a.named(feed.Items)
	return a.done(feed), nil
}

func jsonAuthors(m map[string]json.RawMessage) string {
	list := []json.RawMessage{m["author"]}
	var more []json.RawMessage
	if json.Unmarshal(m["authors"], &more) == nil {
		list = append(more, list...)
	} else if len(m["authors"]) > 0 {
		list = append(list, m["authors"])
	}
	var out []string
	for _, raw := range list {
		var o map[string]json.RawMessage
		name := ""
		if json.Unmarshal(raw, &o) == nil {
			name = text1(o["name"])
		} else {
			name = text1(raw)
		}
		if name = personName(name); name != "" && len(out) < 20 {
			out = category(out, name)
		}
	}
	return strings.Join(out, ", ")
}

// text1 reads a member that should be a string: numbers and booleans are spelled out, anything else is "".
func text1(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	case c == '-' || c >= '0' && c <= '9':
		if f, err := strconv.ParseFloat(string(raw), 64); err == nil && f == float64(int64(f)) && len(raw) < 18 {
			return strconv.FormatInt(int64(f), 10)
		}
		return clip(string(raw), 40)
	case c == 't' || c == 'f':
		return string(raw)
	}
	return ""
}

// closeJSON checks depth and size, escapes raw control characters in strings, drops trailing commas, and ends a document
// that was cut behind its last whole item.
func (f *front) closeJSON(src []byte) ([]byte, error) {
	out := make([]byte, 0, len(src)+16)
	var open []byte // the closing bracket each level waits for
	inString, escaped := false, false
	lastItem, atItem := 0, []byte(nil)
	members := 0
	for i := 0; i < len(src); i++ {
		c := src[i]
		if inString {
			switch {
			case escaped:
				escaped = false
			case c == '\\':
				escaped = true
			case c == '"':
				inString = false
			case c < 0x20:
				f.note("control characters in JSON strings escaped")
				out = fmt.Appendf(out, `\u%04x`, c)
				continue
			}
			out = append(out, c)
			continue
		}
		switch c {
		case '"':
			inString = true
		case '{', '[':
			if len(open) >= MaxDepth {
				return nil, ErrTooDeep
			}
			open = append(open, c+2) // ']' and '}' stand two behind their openers
		case '}', ']':
			for n := len(out); n > 0; n-- { // a comma before it
				if b := out[n-1]; b == ',' {
					f.note("trailing comma dropped")
					out = append(out[:n-1], out[n:]...)
				} else if b == ' ' || b == '\n' || b == '\r' || b == '\t' {
					continue
				}
				break
			}
			if len(open) == 0 || open[len(open)-1] != c {
				return nil, fmt.Errorf("%w: JSON brackets do not match", ErrNotFeed)
			}
			open = open[:len(open)-1]
		case ',', ':':
			if members++; members > 4*MaxElements {
				return nil, ErrTooMany
			}
		}
		out = append(out, c)
		if c == '}' && len(open) == 2 {
			lastItem, atItem = len(out), append(atItem[:0], open...)
		}
		if len(open) == 0 && (c == '}' || c == ']') {
			if len(bytes.TrimSpace(src[i+1:])) > 0 {
				f.note("content after the end of the feed")
			}
			return out, nil
		}
	}
	if lastItem == 0 {
		return out, nil // Unmarshal will say what is wrong
	}
	f.note("document cut short")
	out = out[:lastItem]
	for i := len(atItem) - 1; i >= 0; i-- {
		out = append(out, atItem[i])
	}
	return out, nil
}
