package money

// classify gives every finding its kind.
func (s *scan) classify(title *scan) {
	for i := range s.found {
		s.found[i].kind = "product_price"
	}
}

func (s *scan) emitPercent(n int, a, b value) int { return b.last + 1 }
