// Package publisher tells who stands behind an article, so that two feeds of one house count as one voice: a claim is borne
// out by a second publisher, not by a second section of the first.
//
// Call [Of]. It knows no names: a publisher is the registrable domain of the address. It does not tell who owns whom.
package publisher

import (
	"cmp"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Of is the publisher of an article: the registrable domain of its address, such as example.co.uk; its outlet, or else its
// source, where the address has none (an IP address, a bare name, nothing).
func Of(address, outlet, source string) string {
	other := cmp.Or(outlet, source)
	u, err := url.Parse(address)
	if err != nil {
		return other
	}
	h := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if _, err := netip.ParseAddr(h); err == nil || !strings.Contains(h, ".") {
		return other
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(h)
	if err != nil {
		return other
	}
	return d
}
