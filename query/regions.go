package query

import (
	"slices"
	"sync"

	"golang.org/x/text/language"
)

// A region is asked for with what lies in it: territory:emea finds the deals for
// France, for the Benelux and those said to be for EMEA. The other way round nothing is
// taken for granted: a deal for EMEA may leave France out, so territory:fr does not
// find it. "world" stands for itself: everything lies in it.

// regionRow is what makes up a region: areas of the UN's M49 (or the EU), countries, and
// other regions of the table.
type regionRow struct {
	areas     []string
	without   []string // areas or countries
	countries []string
	regions   []string
}

// regionRows follow the UN's M49 standard, with the business world's own areas put
// together of them: the Middle East is Western Asia with Egypt and Iran, APAC is the
// rest of Asia and Oceania.
func regionRows() map[string]regionRow {
	return map[string]regionRow{
		"emea":          {regions: []string{"europe", "middle-east", "africa"}},
		"europe":        {areas: []string{"150"}, countries: []string{"cy"}, regions: []string{"eu", "dach", "benelux", "nordics", "iberia"}},
		"eu":            {areas: []string{"EU"}, without: []string{"GB"}, regions: []string{"benelux", "iberia"}},
		"dach":          {countries: []string{"de", "at", "ch", "li"}},
		"benelux":       {countries: []string{"be", "nl", "lu"}},
		"nordics":       {countries: []string{"dk", "fi", "is", "no", "se", "fo", "gl", "ax"}},
		"iberia":        {countries: []string{"es", "pt"}},
		"africa":        {areas: []string{"002"}, regions: []string{"maghreb"}},
		"maghreb":       {countries: []string{"ma", "dz", "tn", "ly", "mr"}},
		"middle-east":   {areas: []string{"145"}, countries: []string{"eg", "ir"}},
		"apac":          {areas: []string{"142", "009"}, without: []string{"145"}},
		"americas":      {areas: []string{"019"}, regions: []string{"north-america", "latam"}},
		"north-america": {countries: []string{"us", "ca", "mx", "bm", "gl", "pm"}},
		"latam":         {areas: []string{"419"}},
	}
}

// regions lists, by region, its own id and those of all that lies in it.
var regions = sync.OnceValue(func() map[string][]string {
	rows, out := regionRows(), map[string][]string{}
	var members func(id string) []string
	members = func(id string) []string {
		if m, ok := out[id]; ok {
			return m
		}
		row, m := rows[id], []string{id}
		m = append(m, row.countries...)
		for _, r := range row.regions {
			m = append(m, members(r)...)
		}
		for _, c := range countries() {
			if in(c.ID, row.areas) && !in(c.ID, row.without) {
				m = append(m, c.ID)
			}
		}
		slices.Sort(m)
		out[id] = slices.Compact(m)
		return out[id]
	}
	for id := range rows {
		members(id)
	}
	return out
})

// in tells whether a country lies in one of some areas.
func in(country string, areas []string) bool {
	c, err := language.ParseRegion(country)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(areas, func(a string) bool {
		r, err := language.ParseRegion(a)
		return err == nil && r.Contains(c)
	})
}

// within adds to territories what lies in them.
func within(ids []string) []string {
	out := slices.Clone(ids)
	for _, id := range ids {
		out = append(out, regions()[id]...)
	}
	return out
}
