package incident

import (
	"encoding/json"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// encode is json.Marshal, with every character escaped that a terminal, a
// log or a reader's eye could be tricked with. json.Marshal escapes the
// controls below 0x20, <, > and & already.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return escapeHidden(text), nil
}

// escapeHidden writes DEL, C1 controls, format characters (bidirectional
// overrides, zero width ones, tags), separators, private and unassigned code
// points of a JSON text as \u escapes. They only occur within its strings.
func escapeHidden(text []byte) []byte {
	hidden := false
	for rest := text; len(rest) > 0 && !hidden; {
		r, size := utf8.DecodeRune(rest)
		hidden, rest = isHidden(r), rest[size:]
	}
	if !hidden {
		return text
	}
	escaped := make([]byte, 0, len(text)+64)
	for _, r := range string(text) {
		switch {
		case !isHidden(r):
			escaped = utf8.AppendRune(escaped, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escaped = appendEscape(appendEscape(escaped, high), low)
		default:
			escaped = appendEscape(escaped, r)
		}
	}
	return escaped
}

// isHidden leaves ASCII to json.Marshal, but for DEL.
func isHidden(r rune) bool {
	if r < 0x7f {
		return false
	}
	return !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r)
}

func appendEscape(text []byte, r rune) []byte {
	return append(text, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
