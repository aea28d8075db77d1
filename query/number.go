package query

import (
	"math"
	"strconv"
	"strings"
)

// multipliers of a number, the canonical ones first. "Md" is the French milliard.
var multipliers = []struct {
	suffix string
	by     float64
}{
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9},
	{"K", 1e3}, {"m", 1e6}, {"Md", 1e9}, {"md", 1e9}, {"bn", 1e9}, {"B", 1e9},
}

// parseNumber reads digits with optional _ between them, a decimal point and a
// multiplier: 10000, 10_000, 1.5M, -5.
func parseNumber(s string) (float64, bool) {
	body, by := s, 1.0
	for _, m := range multipliers {
		if b, ok := strings.CutSuffix(s, m.suffix); ok && len(b) > 0 && b[len(b)-1] >= '0' && b[len(b)-1] <= '9' {
			body, by = b, m.by
			break
		}
	}
	digits := false
	for i, r := range body {
		switch {
		case r >= '0' && r <= '9':
			digits = true
		case r == '-' && i == 0, r == '_' && i > 0, r == '.':
		default:
			return 0, false
		}
	}
	if !digits || len(body) > 24 {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(body, "_", ""), 64)
	if err != nil {
		return 0, false
	}
	// Multiplying decimal text would round twice: 1.1M must be 1100000.
	if by > 1 {
		f, err = strconv.ParseFloat(strings.ReplaceAll(body, "_", "")+"e"+strconv.Itoa(int(math.Round(math.Log10(by)))), 64)
	}
	if f == 0 {
		f = 0 // not -0
	}
	return f, err == nil && !math.IsInf(f, 0)
}

// formatNumber is the shortest spelling that parses to the same number.
func formatNumber(f float64) string {
	best := strconv.FormatFloat(f, 'f', -1, 64)
	for _, m := range multipliers[:3] {
		if math.Abs(f) < m.by {
			continue
		}
		s := strconv.FormatFloat(f/m.by, 'f', -1, 64) + m.suffix
		if g, ok := parseNumber(s); ok && g == f && len(s) < len(best) {
			best = s
		}
	}
	return best
}
