package index

// Fragment is a piece of text around words of the query.
type Fragment struct {
	In    string // "title" or "text"
	Lang  string
	Parts []Part
}

// Part is a piece of a fragment; Hit marks a word of the query.
type Part struct {
	Text string
	Hit  bool
}
