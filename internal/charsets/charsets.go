// Package charsets turns the bytes of a feed or a page into UTF-8, whatever they claim to be.
//
// Call [Decode] with the body and the charset names it was labelled with, most trusted first. Labels lie: what the bytes
// prove (a byte order mark, the zero bytes of UTF-16, valid multibyte UTF-8) wins over what is stated, and windows-1252
// is the last resort, as on the web. It does not look for the labels itself and does not normalise the text.
package charsets

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// cjkTrust is the number of multibyte UTF-8 sequences from which valid UTF-8 beats a stated East Asian charset: two or
// three characters of GBK can look like UTF-8 by chance, eight cannot.
const cjkTrust = 8

// Decode returns body as valid UTF-8 without a byte order mark, and the name of the charset that was used.
// A body that is UTF-8 already is returned without being copied.
func Decode(body []byte, stated ...string) (text []byte, name string) {
	if e, name, skip := sniff(body); e != nil {
		return convert(e, body[skip:]), name
	} else if skip > 0 {
		body = body[skip:]
		if utf8.Valid(body) {
			return body, "utf-8"
		}
		return patch(body), "utf-8"
	}

	multi, bad := survey(body)
	if whole := uncut(body); bad > 0 && len(whole) < len(body) {
		if m, b := survey(whole); b == 0 && m > 0 { // cut within its last character
			return whole, "utf-8"
		}
	}
	if bad == 0 {
		for _, s := range stated {
			if e, name := lookup(s); e != nil && (sevenBit(name) && escapes(body, name) || eastAsian(name) && multi > 0 && multi < cjkTrust) {
				if out := convert(e, body); !bytes.ContainsRune(out, utf8.RuneError) {
					return out, name
				}
			}
		}
		if multi == 0 && bytes.Contains(body, []byte("\x1b$")) { // ISO-2022-JP that nobody announced
			if e, name := lookup("iso-2022-jp"); e != nil {
				return convert(e, body), name
			}
		}
		return body, "utf-8"
	}
	if multi >= 4*bad { // UTF-8 with a few bytes of something else, or cut within a character
		return patch(body), "utf-8"
	}
	for _, s := range stated {
		e, name := lookup(s)
		if e == nil || name == "utf-8" || strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "utf-32") {
			continue
		}
		out := convert(e, body)
		if lost := bytes.Count(out, []byte(string(utf8.RuneError))); lost*20 <= bad {
			return out, name
		}
	}
	return convert(charmap.Windows1252, body), "windows-1252"
}

// Stated returns the charset parameter of a Content-Type header, "" when there is none.
func Stated(contentType string) string {
	lower := strings.Map(func(r rune) rune { // ASCII only: offsets must stay
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.ToValidUTF8(contentType, "?"))
	contentType = strings.ToValidUTF8(contentType, "?")
	i := strings.Index(lower, "charset")
	if i < 0 {
		return ""
	}
	v := strings.TrimLeft(contentType[i+len("charset"):], " \t")
	if !strings.HasPrefix(v, "=") {
		return ""
	}
	v = strings.Trim(strings.TrimSpace(v[1:]), `"'`)
	if i := strings.IndexAny(v, `;,"' `); i >= 0 {
		v = v[:i]
	}
	return v
}

// sniff recognises a byte order mark and the pattern of zero bytes that UTF-16 and UTF-32 make of markup. A nil encoding
// with skip > 0 is UTF-8 behind its mark.
func sniff(b []byte) (e encoding.Encoding, name string, skip int) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return nil, "utf-8", 3
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32le", 4
	case bytes.HasPrefix(b, []byte{0, 0, 0xFE, 0xFF}):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "utf-32be", 4
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le", 2
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be", 2
	case bytes.HasPrefix(b, []byte{0x4C, 0x6F, 0xA7, 0x94}): // "<?xm" in EBCDIC
		return charmap.CodePage037, "ibm037", 0
	}
	// The start of markup is ASCII, so the position of the zeros among the first bytes tells width and order.
	n := min(len(b), 64) &^ 3
	if n < 4 {
		return nil, "", 0
	}
	var zero [4]int
	for i := range n {
		if b[i] == 0 {
			zero[i%4]++
		}
	}
	q := n / 4
	most := func(v int) bool { return v*4 >= q*3 }
	few := func(v int) bool { return v*4 <= q }
	switch {
	case few(zero[0]) && most(zero[1]) && most(zero[2]) && most(zero[3]):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32le", 0
	case most(zero[0]) && most(zero[1]) && most(zero[2]) && few(zero[3]):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "utf-32be", 0
	case few(zero[0]) && most(zero[1]) && few(zero[2]) && most(zero[3]):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le", 0
	case most(zero[0]) && few(zero[1]) && most(zero[2]) && few(zero[3]):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be", 0
	}
	return nil, "", 0
}

// survey counts the multibyte sequences that are valid UTF-8 and the bytes that are not.
func survey(b []byte) (multi, bad int) {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			bad++
		} else {
			multi++
		}
		i += n
	}
	return multi, bad
}

// patch reads each byte that is not UTF-8 as windows-1252, and drops a character cut at the end.
func patch(b []byte) []byte {
	b = uncut(b)
	out := make([]byte, 0, len(b)+len(b)/16)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			out = utf8.AppendRune(out, charmap.Windows1252.DecodeByte(b[i]))
			i++
			continue
		}
		out = append(out, b[i:i+n]...)
		i += n
	}
	return out
}

// uncut drops a lead byte among the last three that has not its whole tail.
func uncut(b []byte) []byte {
	for n := 1; n <= 3 && n <= len(b); n++ {
		if c := b[len(b)-n]; c >= 0xC0 {
			if !utf8.FullRune(b[len(b)-n:]) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

func convert(e encoding.Encoding, b []byte) []byte {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil { // decoders replace what they cannot read; an error leaves what was read before it
		return bytes.ToValidUTF8(out, []byte("\uFFFD"))
	}
	return out
}

// lookup knows the web's labels, then IANA's, then a few spellings neither lists.
func lookup(label string) (encoding.Encoding, string) {
	label = strings.ToLower(strings.TrimSpace(label))
	switch label {
	case "":
		return nil, ""
	case "hz", "hz-gb-2312", "hz_gb_2312":
		return simplifiedchinese.HZGB2312, "hz-gb-2312"
	case "cp037", "ibm-037", "ebcdic-cp-us", "ebcdic-cp-ca", "ebcdic-cp-nl", "ebcdic-cp-wt":
		return charmap.CodePage037, "ibm037"
	}
	if e, name := charset.Lookup(label); e != nil && name != "replacement" && name != "x-user-defined" {
		return e, name
	}
	for _, l := range []string{label, strings.ReplaceAll(label, "_", "-"), "ibm" + strings.TrimPrefix(label, "cp"), "windows-" + strings.TrimPrefix(label, "cp")} {
		if e, err := ianaindex.IANA.Encoding(l); err == nil && e != nil {
			return e, l
		}
	}
	return nil, ""
}

func sevenBit(name string) bool { return strings.HasPrefix(name, "iso-2022") || name == "hz-gb-2312" }

func escapes(b []byte, name string) bool {
	if name == "hz-gb-2312" {
		return bytes.Contains(b, []byte("~{"))
	}
	return bytes.IndexByte(b, 0x1b) >= 0
}

func eastAsian(name string) bool {
	switch name {
	case "gbk", "gb18030", "big5", "euc-jp", "euc-kr", "shift_jis", "hz-gb-2312":
		return true
	}
	return false
}
