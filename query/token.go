package query

import (
	"net/url"
	"strings"
)

// PairToken is the exact value of two organisations together, in any order.
func PairToken(a, b string) string {
	if a > b {
		a, b = b, a
	}
	return a + "~" + b
}

// KindToken is the exact value of an organisation's trade in its country.
func KindToken(kind, country string) string { return kind + "@" + country }

// URLKey makes addresses comparable: without scheme, "www.", fragment, tracking
// parameters and final slash, the host in lower case. It is "" for no address.
func URLKey(s string) string {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.TrimPrefix(strings.ToLower(u.Host), "www.")
	key := host + strings.TrimSuffix(u.EscapedPath(), "/")
	q := u.Query()
	for k := range q {
		if strings.HasPrefix(k, "utm_") || k == "fbclid" || k == "gclid" || k == "xtor" {
			q.Del(k)
		}
	}
	if len(q) > 0 {
		key += "?" + q.Encode()
	}
	return key
}
