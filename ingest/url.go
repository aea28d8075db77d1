package ingest

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/PuerkitoBio/purell"
	"golang.org/x/net/publicsuffix"
)

// Parameters that tell where a reader came from, not what he reads.
var (
	trackingPrefixes = []string{"utm_", "at_", "mtm_", "pk_", "piwik_", "hsa_", "vero_", "oly_", "__hs", "_hs", "wt_", "ns_"}
	tracking         = map[string]bool{
		"xtor": true, "fbclid": true, "gclid": true, "dclid": true, "gbraid": true, "wbraid": true, "msclkid": true, "yclid": true,
		"twclid": true, "igshid": true, "mc_cid": true, "mc_eid": true, "mkt_tok": true, "ref": true, "ref_src": true,
		"cmpid": true, "ncid": true, "ito": true, "taid": true, "s_cid": true, "smid": true,
		"ftag": true, "wpisrc": true, "guccounter": true,
	}
)

// canonical is the form of an address by which two spellings of it are compared:
// without scheme, "www.", tracking parameters, fragment and final slash, in
// normal form. It is not meant to be fetched. An address that cannot be read is
// returned as it is.
func canonical(addr string) string {
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || len(addr) > 4096 {
		return addr
	}
	if u.RawQuery != "" {
		var keep []string
		for part := range strings.SplitSeq(u.RawQuery, "&") {
			k, _, _ := strings.Cut(strings.ToLower(part), "=")
			if part == "" || tracked(k) {
				continue
			}
			keep = append(keep, part)
		}
		u.RawQuery = strings.Join(keep, "&")
	}
	u.User = nil
	s := purell.NormalizeURL(u, purell.FlagsSafe|purell.FlagRemoveDotSegments|purell.FlagRemoveFragment|
		purell.FlagRemoveTrailingSlash|purell.FlagRemoveDuplicateSlashes|purell.FlagSortQuery|purell.FlagRemoveEmptyQuerySeparator)
	_, s, _ = strings.Cut(s, "://")
	return strings.TrimPrefix(s, "www.")
}

func tracked(k string) bool {
	if tracking[k] {
		return true
	}
	for _, p := range trackingPrefixes {
		if strings.HasPrefix(k, p) {
			return true
		}
	}
	return false
}

// domain is the registrable domain of an address, such as presse.example.co.uk's
// example.co.uk; the host and port itself for an IP address or a bare name, since
// two servers on one machine may belong to two people.
func domain(addr string) string {
	u, err := url.Parse(addr)
	if err != nil {
		return ""
	}
	h := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if _, err := netip.ParseAddr(h); err == nil || !strings.Contains(h, ".") {
		return strings.ToLower(u.Host)
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(h)
	if err != nil {
		return h
	}
	return d
}

// front tells whether an address is a site's front page: many sites name it as the
// canonical address of all their articles.
func front(addr string) bool {
	u, err := url.Parse(addr)
	return err != nil || strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
}
