package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// plainEnd is where plain text ends that a line begins with.
func plainEnd(line string, brackets bool) int {
	end := 0
	for i := range len(line) {
		switch c := line[i]; c {
		case ' ', '\t':
			continue
		case '#':
			if i > 0 && isBlank(line[i-1]) {
				return end
			}
		case ':':
			if i+1 == len(line) || isBlank(line[i+1]) || brackets && strings.IndexByte(flowSigns, line[i+1]) >= 0 {
				return end
			}
		case ',', '[', ']', '{', '}':
			if brackets {
				return end
			}
		}
		end = i + 1
	}
	return end
}

// plain reads text without quotes, as far as it stands on this line.
func (y *yamlReader) plain(brackets bool) yamlNode {
	line := y.line()
	end := y.at + plainEnd(line[y.at:], brackets)
	at := y.place(y.at, max(end, y.at+1))
	if end == y.at || strings.IndexByte("#&*!|>%@`"+flowSigns, line[y.at]) >= 0 {
		y.syntax(at, `put "quotes" around it`, "a text does not begin with %c", []rune(line[y.at:])[0])
		return yamlNode{position: at, kind: yamlNull}
	}
	n := plainNode(at, line[y.at:end])
	y.at = end
	return n
}

// goesOn reads the other lines of plain text that begins at from. Outside of
// brackets they are indented deeper than the block around.
func (y *yamlReader) goesOn(n yamlNode, from, indentation int, brackets bool) yamlNode {
	var text []byte
	for strings.Trim(y.line()[y.at:], " \t") == "" {
		row := y.row + 1
		for row < len(y.source.lines) && strings.Trim(y.source.lines[row], " \t") == "" {
			row++
		}
		if row == len(y.source.lines) || isMarker(y.source.lines[row]) {
			break
		}
		line := y.source.lines[row]
		at := len(line) - len(strings.TrimLeft(line, " "))
		end := at + plainEnd(line[at:], brackets)
		if !brackets && at <= indentation || line[at] == '#' || end == at {
			break
		}
		if text == nil {
			text = append(text, y.line()[from:y.at]...)
		}
		text = fold(text, row-y.row)
		text = append(text, line[at:end]...)
		y.row, y.at = row, end
		if !brackets && y.colon() {
			y.syntax(y.place(at, end), `put "quotes" around a text with a colon, and indent the keys of one mapping alike`, "a mapping may not begin here")
			return n
		}
	}
	if text != nil {
		n.kind, n.text = yamlText, string(text)
	}
	return n
}

// fold joins text over the ends of that many lines.
func fold(text []byte, lines int) []byte {
	if lines == 1 {
		return append(text, ' ')
	}
	for range lines - 1 {
		text = append(text, '\n')
	}
	return text
}

// quoted reads text in quotes.
func (y *yamlReader) quoted() yamlNode {
	line, begins := y.line(), y.at
	quote := line[begins]
	if end := strings.IndexByte(line[begins+1:], quote); end >= 0 {
		text, rest := line[begins+1:begins+1+end], line[begins+end+2:]
		if quote == '"' && strings.IndexByte(text, '\\') < 0 || quote == '\'' && !strings.HasPrefix(rest, "'") {
			y.at += end + 2
			return yamlNode{position: y.place(begins, y.at), kind: yamlText, text: text}
		}
	}
	at := y.place(begins, begins+1)
	var text []byte
	kept := 0 // of text: what was escaped is no blank at the end of a line
	for y.at++; ; {
		line := y.line()
		switch {
		case y.at == len(line):
			for len(text) > kept && isBlank(text[len(text)-1]) {
				text = text[:len(text)-1]
			}
			row := y.row
			if !y.textLine(at, quote) {
				return yamlNode{position: at, kind: yamlText}
			}
			text = fold(text, y.row-row)
			kept = len(text)
		case line[y.at] == quote && quote == '\'' && strings.HasPrefix(line[y.at+1:], "'"):
			text = append(text, quote)
			y.at += 2
		case line[y.at] == quote:
			y.at++
			if y.row+1 == at.line {
				at = y.place(begins, y.at)
			}
			return yamlNode{position: at, kind: yamlText, text: string(text)}
		case line[y.at] == '\\' && quote == '"' && y.at+1 == len(line):
			row := y.row
			if !y.textLine(at, quote) {
				return yamlNode{position: at, kind: yamlText}
			}
			text = append(text, strings.Repeat("\n", y.row-row-1)...)
			kept = len(text)
		case line[y.at] == '\\' && quote == '"':
			r, size := escaped(line[y.at+1:])
			if size == 0 {
				y.syntax(y.place(y.at, y.at+2), `write \\ for a backslash, or put 'single quotes' around the text`, "there is no such escape")
				return yamlNode{position: at, kind: yamlText}
			}
			text = utf8.AppendRune(text, r)
			y.at += 1 + size
			kept = len(text)
		default:
			text = append(text, line[y.at])
			y.at++
		}
	}
}

// textLine goes to the next line of a text in quotes that is not empty.
func (y *yamlReader) textLine(begins position, quote byte) bool {
	for y.row++; !y.ended() && !isMarker(y.line()); y.row++ {
		rest := strings.TrimLeft(y.line(), " \t")
		if y.at = len(y.line()) - len(rest); rest != "" {
			return true
		}
	}
	y.syntax(begins, "", "what begins here is not closed with %c", quote)
	return false
}

// escaped reads what stands behind a backslash, and how many bytes of it; 0 =
// nothing that YAML knows.
func escaped(text string) (rune, int) {
	const plain, meant = `0abt	nvfre "/\N_LP`, "\x00\a\b\t\t\n\v\f\r\x1b \"/\\\u0085\u00a0\u2028\u2029"
	if i := strings.IndexByte(plain, text[0]); i >= 0 {
		return []rune(meant)[i], 1
	}
	size := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[0]]
	if size == 0 || len(text) <= size || !only(strings.ToLower(text[1:1+size]), hexDigits) {
		return 0, 0
	}
	r, err := strconv.ParseUint(text[1:1+size], 16, 31)
	if err != nil || !utf8.ValidRune(rune(r)) {
		return 0, 0
	}
	return rune(r), 1 + size
}
